"""Reading segments by attention as a power mean of the values above the segment's smallest."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gpool.ops.precision import floating
from gpool.ops.segment._index import Segments, resolve
from gpool.ops.segment.attend import check_scores
from gpool.ops.segment.logsumexp import segment_logsumexp
from gpool.ops.segment.reduce import segment_count, segment_max, segment_min

__all__ = ["segment_power_attend"]


def segment_power_attend(
    score: Tensor,
    value: Tensor,
    power: float,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    eps: float = 1e-6,
) -> Tensor:
    r"""The power mean of the values of every segment, weighted by the softmax of each of K scores.

    .. math:: y_s = m_s - \epsilon + \Big( \sum_{i \in s} \alpha_i\, (v_i - m_s + \epsilon)^p \Big)^{1/p}

    with m the smallest of all entries of the segment and alpha the softmax, all of it in logarithms, so that
    no power and no weight overflows or vanishes. A power of 1 is :func:`segment_attend`.

    Shape:
        score [N, K] or, with heads, [N, K, H]; value [N, D] -> [B, K, D]; zeros for an empty segment.
    """
    if not 0 < power < math.inf or not 0 < eps < math.inf:
        raise ValueError(f"power={power} and eps={eps} must be positive and finite")
    check_scores(score, value)
    score, wide = floating("score", score), floating("value", value)
    segments = resolve(index, ptr, dim_size, value.size(0), value.device)
    at_entry = segments.segment
    low = segment_min(wide.amin(-1, keepdim=True), segments)  # [B, 1]
    # In float64 on the way back: the minimum's gradient is 1 less a sum over all of its segment.
    above = wide - low.double().index_select(0, at_entry).to(wide.dtype)
    powers = power * (above + eps).log()  # [N, D]
    by_head = score.unsqueeze(-1) if score.dim() == 2 else score  # [N, K, H]
    shape, columns = by_head.shape[1:], wide.size(1) // by_head.size(2)
    flat = by_head.flatten(1)
    flat = flat - segment_max(flat.detach(), segments).index_select(0, at_entry)  # large scores keep digits
    total = segment_logsumexp(flat, segments).unflatten(1, shape)  # [B, K, H]
    by_head, means = flat.unflatten(1, shape), []
    for k in range(score.size(1)):
        at_k, total_k = (v[:, k].repeat_interleave(columns, -1) for v in (by_head, total))
        means.append((segment_logsumexp(at_k + powers, segments) - total_k) / power)  # [B, D] of logarithms
    y = torch.stack(means, dim=1).exp() - eps + low.unsqueeze(1)
    return y.masked_fill((segment_count(segments) == 0).view(-1, 1, 1), 0.0).to(value.dtype)
