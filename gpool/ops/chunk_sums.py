"""Sums of powers of the pieces of a batch, chunk by chunk: all passes while a chunk is in the cache."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.magnitude import Magnitude
from gpool.ops.pieces import Pieces

__all__ = ["extreme_of", "log_ratio", "sums_as_they_are", "sums_by_extremes"]

FAR = 1e30  # stands for an infinite logarithm, where its product with zero must be zero


def sums_as_they_are(
    x: Tensor,
    p: Tensor | float,
    pieces: Pieces,
    magnitude: Magnitude,
    learn: bool,
    slope: Tensor | None,
    near: float,
    wide: tuple[bool, bool],
) -> list[Tensor] | None:
    """Extreme (1), sum and entropy sum of every piece; None where a sum is not within 1/near .. near."""
    spare = [x.new_empty(pieces.room, x.size(1)) for _ in range(4)]
    order, eps = torch.arange(pieces.room), x.new_full((), magnitude.eps)
    totals, entropies = [], []
    for start, stop, first, last in pieces.chunks:
        entry = x[start:stop] if pieces.perm is None else x.index_select(0, pieces.perm[start:stop])
        m, log, power, side = (v[: stop - start] for v in spare)
        slope_m = magnitude.into(entry, eps, m, side)
        torch.log(m, out=log)
        torch.mul(log, p, out=power).exp_()
        starts = pieces.starts[first:last]
        totals.append(_bag(power, starts, order, wide[last - first > 1]))
        if not totals[1:] and not _within(totals[0], near):
            return None
        if learn:
            entropies.append(_bag(log.mul_(power), starts, order))
        if slope is not None:
            _times(power.div_(m), slope_m, slope[start:stop])
    total = torch.cat(totals)
    if not _within(total, near):
        return None
    return [torch.ones_like(total), total, torch.cat(entropies) if learn else torch.zeros_like(total)]


def _times(u: Tensor, by: Tensor | None, out: Tensor) -> None:
    """``u``, times ``by`` where there is one, to ``out``."""
    out.copy_(u) if by is None else torch.mul(u, by, out=out)


def _within(v: Tensor, near: float) -> bool:
    low, high = torch.aminmax(v)
    return float(low) > 1 / near and float(high) < near


def _bag(v: Tensor, starts: Tensor, order: Tensor, wide: bool = False) -> Tensor:
    """Sums of the pieces of a chunk, which begin at ``starts``, in float64 if ``wide``."""
    addends = v.double() if wide else v
    if starts.numel() == 1:
        return addends.sum(0, keepdim=True).to(v.dtype)
    return torch.embedding_bag(addends, order[: v.size(0)], starts)[0].to(v.dtype)  # faster than to scatter


def sums_by_extremes(
    x: Tensor,
    p: Tensor | float,
    pieces: Pieces,
    magnitude: Magnitude,
    learn: bool,
    slope: Tensor | None,
    sign: int,
    wide: tuple[bool, bool],
) -> list[Tensor]:
    """Extreme, sum and entropy sum of every piece, at any magnitude."""
    width, safe = x.size(1), magnitude.positive
    parts = [x.new_zeros(pieces.segment.numel(), width) for _ in range(3)]
    spare = [x.new_empty(pieces.room, width) for _ in range(4 if pieces.perm is None else 5)]
    order, eps = torch.arange(pieces.room), x.new_full((), magnitude.eps)
    for start, stop, first, last in pieces.chunks:
        m, log, power, side, *room = (v[: stop - start] for v in spare)
        extreme, total, entropy = (v[first:last] for v in parts)
        one = last - first == 1
        local = None if one else pieces.piece[start:stop] - first
        starts = pieces.starts[first:last]
        if pieces.perm is None:
            entry = x[start:stop]
        else:
            entry = torch.index_select(x, 0, pieces.perm[start:stop], out=room[0])
        slope_m = magnitude.into(entry, eps, m, side)
        extreme_of(m, local, p, sign, extreme)
        log_ratio(m, extreme, local, safe, log)
        torch.mul(log, p, out=power)
        (power if safe else power.clamp_(max=0.0)).exp_()
        total.copy_(_bag(power, starts, order, wide[last - first > 1]))
        if learn:
            entropy.copy_(_bag(log.mul_(power), starts, order))
        if slope is not None:
            by = m if safe else m.clamp_(min=torch.finfo(m.dtype).tiny)
            _times(power.div_(by), slope_m, slope[start:stop])
    return parts


def extreme_of(v: Tensor, local: Tensor | None, p: Tensor | float, sign: int, out: Tensor) -> Tensor:
    """Largest (sign 1) or smallest (-1) entry of every piece, or by the sign of p (0)."""
    if sign == 0:
        top = extreme_of(v, local, p, 1, torch.zeros_like(out))
        low = extreme_of(v, local, p, -1, torch.zeros_like(out))
        return out.copy_(torch.where(torch.as_tensor(p) > 0, top, low))
    if local is None:
        return (torch.amax if sign > 0 else torch.amin)(v, 0, keepdim=True, out=out)
    how = "amax" if sign > 0 else "amin"
    return out.scatter_reduce_(0, local.unsqueeze(-1).expand_as(v), v, how, include_self=False)


def log_ratio(m: Tensor, top: Tensor, local: Tensor | None, safe: bool, out: Tensor) -> Tensor:
    """log(m / top); ``safe`` where the quotient is known to stay within the range of the type."""
    if safe:
        over = top.reciprocal()
        over = over if local is None else torch.index_select(over, 0, local, out=out)
        return torch.mul(m, over, out=out).log_().clamp_(-FAR, FAR)
    root = torch.where(top > 0, top, 1.0).sqrt_()
    root = root if local is None else torch.index_select(root, 0, local, out=out)
    return torch.div(m.sqrt(), root, out=out).log_().mul_(2).clamp_(min=-FAR)
