"""Sums of powers of the pieces of a batch, chunk by chunk: all passes while a chunk is in the cache."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.segment._pieces import Pieces
from gpool.ops.segment.magnitude import Magnitude

__all__ = ["chunk_sums", "extreme_of", "log_ratio"]

FAR = 1e30  # stands for an infinite logarithm, where its product with zero must be zero


def chunk_sums(
    x: Tensor,
    p: Tensor | float,
    pieces: Pieces,
    magnitude: Magnitude,
    direction: int,
    learn: bool,
    slope: Tensor | None,
    wide: tuple[bool, bool],
    near: float | None,
) -> list[Tensor]:
    """Extreme m*, sum of (m / m*)^p and its entropy sum (0 unless ``learn``) of every piece: three [K, D].

    To ``slope`` goes (m / m*)^p / m times dm/dx of every entry. Where ``near`` is given, 1 stands for m* at
    first, which saves two passes; should a sum then not lie within 1 / near .. near, all is done over with
    extremes. ``wide`` says whether the sums of a chunk of one piece, and of several, are taken in float64.
    """
    safe = magnitude.positive
    spare = [x.new_empty(pieces.room, x.size(1)) for _ in range(4 if pieces.perm is None else 5)]
    order, eps = torch.arange(pieces.room), x.new_full((), magnitude.eps)
    extremes, totals, entropies = [], [], []
    for start, stop, first, last in pieces.chunks:
        m, log, power, side, *room = (v[: stop - start] for v in spare)
        if pieces.perm is None:
            entry = x[start:stop]
        else:
            entry = torch.index_select(x, 0, pieces.perm[start:stop], out=room[0])
        slope_m = magnitude.into(entry, eps, m, side)
        if near is not None:
            torch.log(m, out=log)
        else:
            local = None if last - first == 1 else pieces.piece[start:stop] - first
            extremes.append(extreme_of(m, local, p, direction, x.new_zeros(last - first, x.size(1))))
            log_ratio(m, extremes[-1], local, safe, log)
        torch.mul(log, p, out=power)
        (power if safe else power.clamp_(max=0.0)).exp_()
        starts = pieces.starts[first:last]
        totals.append(_bag(power, starts, order, wide[last - first > 1]))
        if near is not None and not totals[1:] and not _within(totals[0], near):
            break  # the others will not do better
        if learn:
            entropies.append(_bag(log.mul_(power), starts, order))
        if slope is not None:
            by = m if safe else m.clamp_(min=torch.finfo(m.dtype).tiny)
            _times(power.div_(by), slope_m, slope[start:stop])
    total = torch.cat(totals)
    if near is not None and not _within(total, near):
        return chunk_sums(x, p, pieces, magnitude, direction, learn, slope, wide, None)
    extreme = torch.ones_like(total) if near is not None else torch.cat(extremes)
    return [extreme, total, torch.cat(entropies) if learn else torch.zeros_like(total)]


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


def extreme_of(v: Tensor, local: Tensor | None, p: Tensor | float, direction: int, out: Tensor) -> Tensor:
    """Largest (direction 1) or smallest (-1) entry of every piece, or by the sign of p (0)."""
    if direction == 0:
        top = extreme_of(v, local, p, 1, torch.zeros_like(out))
        low = extreme_of(v, local, p, -1, torch.zeros_like(out))
        return out.copy_(torch.where(torch.as_tensor(p) > 0, top, low))
    if local is None:
        return (torch.amax if direction > 0 else torch.amin)(v, 0, keepdim=True, out=out)
    how = "amax" if direction > 0 else "amin"
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
