"""The Lp norm of segments on a processor with caches, with its own backward."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gpool.ops.segment._norm_autograd import finish, plain_norm
from gpool.ops.segment._pieces import Pieces
from gpool.ops.segment.magnitude import Magnitude

__all__ = ["BlockedNorm"]

SMALL = 0.95  # orders below multiply the rounding of a sum by so much that it is taken in float64,
LONG = 128  # as are sums of more entries than this where a block has several: those are added up one by one
NEAR = 8.0  # sums within e^-8 .. e^8 lose nothing that shows when 1 stands for m*; less for orders below 1
FAR = 1e30  # stands for an infinite logarithm, where its product with zero must be zero


class BlockedNorm(torch.autograd.Function):
    """The norm of rows [N, D], block by block: all passes over a block are made while it is in the cache.

    ``buffer[0]`` receives each entry's gradient factor, (m / m*)^p / m times the slope of m; None: x needs no
    gradient. Backward scales it in place by the row of its piece. dy/dp = -y H / p^2, where H is the entropy
    of the weights; dy/dq = -y log n.
    """

    @staticmethod
    def forward(
        x: Tensor,
        p: Tensor | float,
        q: Tensor | float,
        pieces: Pieces,
        index: Tensor,
        magnitude: Magnitude,
        direction: int,
        buffer: list[Tensor | None],
        learn: bool,
    ) -> tuple[Tensor | None, ...]:
        """The norm [B, D], then what backward needs: slope, y / sum, dy/dp and factors of the pieces."""
        slope = buffer[0]
        least = float(p.detach().abs().min() if isinstance(p, Tensor) else abs(p))
        near = math.exp(NEAR * min(least, 1.0)) if magnitude.positive else None
        wide = (least < SMALL, least < SMALL or pieces.longest > LONG)
        parts = _block_sums(x, p, pieces, magnitude, direction, learn, slope, wide, near)
        (extreme, total, entropy), factor = _join(pieces, parts, p, direction)
        total = total.masked_fill_(total == 0, 1.0)
        y = finish(extreme, total, pieces.sizes, p, q)
        by_p = y * (total.log() - p * entropy / total) / -(p * p) if learn else None
        return y, slope, y / total, by_p, factor

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor | None, ...]) -> None:
        x, p, q, ctx.pieces, index, *ctx.rest = inputs
        ctx.spent = False
        ctx.set_materialize_grads(False)  # of the other outputs: zeros as large as the input
        ctx.mark_non_differentiable(*(v for v in output[1:] if v is not None))
        ctx.numbers = tuple(None if isinstance(v, Tensor) else v for v in (p, q))
        tensors = (v if isinstance(v, Tensor) else None for v in (p, q))
        ctx.save_for_backward(x, *tensors, index, *output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if grad is None:
            return (None,) * 9
        x, p, q, index, y, slope, by_sum, by_p, factor = ctx.saved_tensors
        p, q = (v if v is not None else number for v, number in zip((p, q), ctx.numbers, strict=True))
        pieces, need = ctx.pieces, ctx.needs_input_grad[:3]
        grads: list[Tensor | None] = [None, None, None]
        if torch.is_grad_enabled():  # a second derivative will be asked for
            again = plain_norm(x, p, q, index, pieces.sizes.numel(), *ctx.rest[:2])
            asked = [v for v, wanted in zip((x, p, q), need, strict=True) if wanted]
            found = iter(torch.autograd.grad(again, asked, grad, create_graph=True))
            grads = [next(found) if wanted else None for wanted in need]
            return *grads, None, None, None, None, None, None
        if need[0]:
            if ctx.spent:  # a second backward through a graph that was retained
                magnitude, direction, *_ = ctx.rest
                slope = BlockedNorm.forward(
                    x, p, q, pieces, index, magnitude, direction, [torch.empty_like(x)], False
                )[1]
            ctx.spent = True
            row = (grad * by_sum).index_select(0, pieces.segment)
            grads[0] = _spread(row if factor is None else row.mul_(factor), slope.data, pieces)
        if need[1]:
            grads[1] = (grad * by_p).sum_to_size(p.shape)
        if need[2]:
            logn = pieces.sizes.clamp(min=1).to(y.dtype).log().unsqueeze(-1)
            grads[2] = (grad * y * -logn).sum_to_size(q.shape)
        return *grads, None, None, None, None, None, None


def _join(
    pieces: Pieces, parts: list[Tensor], p: Tensor | float, direction: int
) -> tuple[list[Tensor], Tensor | None]:
    """Extreme, sum and entropy sum of every segment from those of its pieces, and the factors of these."""
    extreme, total, entropy = parts
    size, segment = pieces.sizes.numel(), pieces.segment
    if pieces.whole:
        if segment.numel() == size:
            return parts, None
        return [v.new_zeros(size, v.size(1)).index_copy_(0, segment, v) for v in parts], None
    joined = _extreme_of(extreme, segment, p, direction, extreme.new_zeros(size, extreme.size(1)))
    log = _log_ratio(extreme, joined, segment, False, torch.empty_like(extreme))
    factor = (p * log).clamp_(max=0.0).exp_()
    rows = [total * factor, (entropy + log * total) * factor]
    zero = torch.zeros_like(joined, dtype=torch.float64)  # 1 / p may enlarge the rounding of these sums, too
    return [joined, *(zero.index_add(0, segment, v.double()).to(v.dtype) for v in rows)], factor


def _spread(row: Tensor, slope: Tensor, pieces: Pieces) -> Tensor:
    """A piece's row times the row of each of its entries, in the input's order; overwrites ``slope``."""
    out = None if pieces.perm is None else torch.empty_like(slope)
    spare = slope.new_empty(pieces.largest, slope.size(1))
    for start, stop, first, last in reversed(pieces.blocks):  # the last ones are still in the cache
        part = slope[start:stop]
        if last - first == 1:
            part.mul_(row[first])
        else:
            part.mul_(torch.index_select(row, 0, pieces.piece[start:stop], out=spare[: stop - start]))
        if out is not None:
            out.index_copy_(0, pieces.perm[start:stop], part)  # type: ignore[index]
    return slope if out is None else out


def _block_sums(
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

    ``slope`` receives (m / m*)^p / m times dm/dx of every entry. Fast path, where ``near`` is given: assume
    m* = 1, which saves two passes; if a sum leaves [1 / near, near], recompute with the true extremes.
    ``wide`` says whether the sums of a block of one piece, and of several, are taken in float64.
    """
    safe = magnitude.positive
    spare = [x.new_empty(pieces.largest, x.size(1)) for _ in range(4 if pieces.perm is None else 5)]
    order, eps = torch.arange(pieces.largest), x.new_full((), magnitude.eps)
    extremes, totals, entropies = [], [], []
    for start, stop, first, last in pieces.blocks:
        m, log, power, side, *gathered = (v[: stop - start] for v in spare)
        if pieces.perm is None:
            entry = x[start:stop]
        else:
            entry = torch.index_select(x, 0, pieces.perm[start:stop], out=gathered[0])
        slope_m = magnitude.into(entry, eps, m, side)
        if near is not None:
            torch.log(m, out=log)
        else:
            local = None if last - first == 1 else pieces.piece[start:stop] - first
            extremes.append(_extreme_of(m, local, p, direction, x.new_zeros(last - first, x.size(1))))
            _log_ratio(m, extremes[-1], local, safe, log)
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
        return _block_sums(x, p, pieces, magnitude, direction, learn, slope, wide, None)
    extreme = torch.ones_like(total) if near is not None else torch.cat(extremes)
    return [extreme, total, torch.cat(entropies) if learn else torch.zeros_like(total)]


def _times(u: Tensor, by: Tensor | None, out: Tensor) -> None:
    """``u``, times ``by`` where there is one, to ``out``."""
    out.copy_(u) if by is None else torch.mul(u, by, out=out)


def _within(v: Tensor, near: float) -> bool:
    low, high = torch.aminmax(v)
    return float(low) > 1 / near and float(high) < near


def _bag(v: Tensor, starts: Tensor, order: Tensor, wide: bool = False) -> Tensor:
    """Sums of the pieces of a block, which begin at ``starts``, in float64 if ``wide``."""
    addends = v.double() if wide else v
    if starts.numel() == 1:
        return addends.sum(0, keepdim=True).to(v.dtype)
    return torch.embedding_bag(addends, order[: v.size(0)], starts)[0].to(v.dtype)  # faster than to scatter


def _extreme_of(v: Tensor, local: Tensor | None, p: Tensor | float, direction: int, out: Tensor) -> Tensor:
    """Largest (direction 1) or smallest (-1) entry of every piece, or by the sign of p (0)."""
    if direction == 0:
        top = _extreme_of(v, local, p, 1, torch.zeros_like(out))
        low = _extreme_of(v, local, p, -1, torch.zeros_like(out))
        return out.copy_(torch.where(torch.as_tensor(p) > 0, top, low))
    if local is None:
        return (torch.amax if direction > 0 else torch.amin)(v, 0, keepdim=True, out=out)
    how = "amax" if direction > 0 else "amin"
    return out.scatter_reduce_(0, local.unsqueeze(-1).expand_as(v), v, how, include_self=False)


def _log_ratio(m: Tensor, top: Tensor, local: Tensor | None, safe: bool, out: Tensor) -> Tensor:
    """log(m / top); ``safe`` where the quotient is known to stay within the range of the type."""
    if safe:
        over = top.reciprocal()
        over = over if local is None else torch.index_select(over, 0, local, out=out)
        return torch.mul(m, over, out=out).log_().clamp_(-FAR, FAR)
    root = torch.where(top > 0, top, 1.0).sqrt_()
    root = root if local is None else torch.index_select(root, 0, local, out=out)
    return torch.div(m.sqrt(), root, out=out).log_().mul_(2).clamp_(min=-FAR)
