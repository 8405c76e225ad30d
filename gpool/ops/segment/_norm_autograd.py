"""The Lp norm of segments in operations that autograd and compilers know."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.segment._index import Segments
from gpool.ops.segment.magnitude import Magnitude
from gpool.ops.segment.reduce import segment_count, segment_max, segment_min, segment_sum

__all__ = ["finish", "plain_norm"]


def finish(extreme: Tensor, total: Tensor, count: Tensor, p: Tensor | float, q: Tensor | float) -> Tensor:
    """m* s^(1/p) n^(-q) of the extremes m* and the sums s of (m / m*)^p, both [B, D], and the sizes n [B].

    In float64 where there is such a thing: 1 / p enlarges the rounding of log s.
    """
    wide = extreme.dtype if extreme.device.type == "mps" else torch.float64
    logn = count.clamp(min=1).to(wide).log().unsqueeze(-1)
    p, q = (v.to(wide) if isinstance(v, Tensor) else v for v in (p, q))
    return (extreme.to(wide) * (total.to(wide).log() / p - q * logn).exp()).to(extreme.dtype)


def plain_norm(
    x: Tensor,
    p: Tensor | float,
    q: Tensor | float,
    index: Tensor,
    size: int,
    magnitude: Magnitude,
    direction: int,
) -> Tensor:
    """The norm of rows [N, D] -> [B, D] for other devices than the CPU, compilers and second derivatives."""
    m, segments = magnitude(x), Segments(index, size)
    value = m.detach()
    if direction > 0:
        extreme = segment_max(value, segments)
    elif direction < 0:
        extreme = segment_min(value, segments)
    else:
        low, top = segment_min(value, segments), segment_max(value, segments)
        extreme = torch.where(torch.as_tensor(p, device=x.device) > 0, top, low)
    scale = torch.where(extreme > 0, extreme, 1.0).index_select(0, index)
    some = value > 0
    filled = torch.where(some, m, scale)
    # The logarithm of the quotient; of roots, since 1e-30 / 1e30 is beyond float32. The other two terms are
    # zero together and carry the gradient 1 / m, which does not pass through quotients that overflow.
    log = filled.log()
    ratio = (filled.detach().sqrt() / scale.sqrt()).log() * 2 + (log - log.detach())
    power = torch.where(some, (p * ratio).exp(), 0.0)
    total = segment_sum(power, segments)
    total = torch.where((extreme > 0) & (total > 0), total, 1.0)
    return finish(extreme, total, segment_count(segments), p, q)
