"""The Lp norm of every segment with a size exponent, at any magnitude and any finite order."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gpool.ops.checks.arguments import length_along
from gpool.ops.precision import floating
from gpool.ops.segment._index import Segments, resolve, unseen
from gpool.ops.segment._norm_autograd import plain_norm
from gpool.ops.segment._norm_cpu import BlockedNorm
from gpool.ops.segment._pieces import cut
from gpool.ops.segment._rows import as_rows, from_rows, per_row
from gpool.ops.segment.magnitude import ITSELF, Magnitude

__all__ = ["segment_norm"]


def segment_norm(
    x: Tensor,
    p: Tensor | float,
    q: Tensor | float,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
    magnitude: Magnitude = ITSELF,
) -> Tensor:
    r"""The norm of order p of every segment with the size exponent q: [N, ...] -> [B, ...].

    .. math:: y_s = n_s^{-q} \Big( \sum_{i \in s} m_i^p \Big)^{1/p}
        = m_* \exp\Big( \tfrac{1}{p} \log \sum_i e^{p \log(m_i / m_*)} - q \log n_s \Big)

    with m = ``magnitude`` of x (by default x itself, which must not be negative) and the extreme m* of the
    segment, the largest for p > 0, the smallest for p < 0 (arXiv:2106.06210). p and q are numbers or
    broadcast against a row of x; orders of both signs may be mixed.

    An empty segment gives 0. A segment whose extreme is 0 gives 0; the gradient at an exact zero of m is 0.
    So is that of an entry whose share (m / m*)^p of the sum underflows: below 1e-38 in float32, 1e-308 in
    float64. It shows for |p| <= 1 and an eps of 0 alone; an eps of 1e-6 of the largest entry keeps it away.
    Entries must be finite. Differentiable twice; second derivatives take the slow way.

    Raises:
        ValueError: p is a number that is 0 or not finite; ``magnitude`` has an unknown option; p or q does
            not broadcast against a row of x.
        TypeError: x is not floating point.
    """
    if not isinstance(p, Tensor) and not 0 < abs(p) < math.inf:
        raise ValueError(f"p={p} must be finite and not 0; take a large p for the maximum")
    if not isinstance(q, Tensor) and not abs(q) < math.inf:
        raise ValueError(f"q={q} must be finite")
    magnitude.check()
    segment, size, ptr = resolve(index, ptr, dim_size, length_along(x, dim), x.device, look=unseen(x))
    rows = as_rows(floating("x", x), dim)
    p, q = (
        per_row(name, floating(name, v) if isinstance(v, Tensor) else v, x, dim)
        for name, v in (("p", p), ("q", q))
    )
    direction = _direction(p)
    if rows.device.type != "cpu" or rows.numel() == 0 or torch.compiler.is_compiling():
        y = plain_norm(rows, p, q, segment, size, magnitude, direction)
    else:
        learn = isinstance(p, Tensor) and p.requires_grad
        # First of all, so that nothing smaller takes a part of the block that the last gradient has left.
        slope = torch.empty_like(rows) if rows.requires_grad else None
        pieces = cut(segment, ptr, size, rows.size(1))
        y, *_ = BlockedNorm.apply(rows, p, q, pieces, segment, magnitude, direction, [slope], learn)
    return from_rows(y.to(x.dtype), x, dim)


def _direction(p: Tensor | float) -> int:
    """1 or -1 where all orders are known to have that sign, else 0; asks no device but the CPU."""
    if not isinstance(p, Tensor):
        return 1 if p > 0 else -1
    if p.device.type != "cpu" or torch.compiler.is_compiling():
        return 0
    return 1 if bool((p > 0).all()) else -1 if bool((p < 0).all()) else 0
