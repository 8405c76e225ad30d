"""Reductions over ragged segments, given by an ``index`` in any order or by a sorted ``ptr``.

Every function takes ``x`` and reduces along ``dim`` (default 0), whose entry ``i`` belongs to segment
``index[i]``, or to segment ``s`` with ``ptr[s] <= i < ptr[s + 1]``. ``dim_size`` is the number of segments
B; without it and without ``ptr`` it is read off the index, which synchronises with the device.
An empty segment reduces to zero in every function that returns one row a segment.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "segment_broadcast",
    "segment_count",
    "segment_logsumexp",
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_norm",
    "segment_softmax",
    "segment_sum",
]


def _resolve(
    index: Tensor | None, ptr: Tensor | None, dim_size: int | None, length: int
) -> tuple[Tensor, int]:
    """The index [N] and the number of segments, from whichever of index and ptr is given."""
    if ptr is not None:
        if index is None:
            segments = torch.arange(ptr.numel() - 1, device=ptr.device)
            index = torch.repeat_interleave(segments, ptr.diff(), output_size=length)
        return index, ptr.numel() - 1 if dim_size is None else dim_size
    if index is None:
        index = torch.zeros(length, dtype=torch.long)
        return index, 1 if dim_size is None else dim_size
    if dim_size is None:
        dim_size = int(index.max()) + 1 if index.numel() > 0 else 0
    return index, dim_size


def _zeros(x: Tensor, dim: int, size: int) -> Tensor:
    shape = list(x.shape)
    shape[dim] = size
    return x.new_zeros(shape)


def _expand(index: Tensor, x: Tensor, dim: int) -> Tensor:
    shape = [1] * x.dim()
    shape[dim] = -1
    return index.view(shape).expand_as(x)


def segment_sum(
    x: Tensor,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Sum of every segment: [N, ...] -> [B, ...]."""
    index, size = _resolve(index, ptr, dim_size, x.size(dim))
    return _zeros(x, dim, size).index_add(dim, index.to(x.device), x)


def segment_count(
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    length: int | None = None,
) -> Tensor:
    """Entries of every segment, int64 [B]."""
    index, size = _resolve(index, ptr, dim_size, length if length is not None else 0)
    return torch.zeros(size, dtype=torch.long, device=index.device).index_add(
        0, index, torch.ones_like(index)
    )


def segment_mean(
    x: Tensor,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Mean of every segment: [N, ...] -> [B, ...]."""
    index, size = _resolve(index, ptr, dim_size, x.size(dim))
    count = segment_count(index, dim_size=size).clamp(min=1).to(x.dtype)
    shape = [1] * x.dim()
    shape[dim] = -1
    return segment_sum(x, index, dim_size=size, dim=dim) / count.view(shape)


def segment_max(
    x: Tensor,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Largest entry of every segment and channel: [N, ...] -> [B, ...]."""
    index, size = _resolve(index, ptr, dim_size, x.size(dim))
    return _zeros(x, dim, size).scatter_reduce(dim, _expand(index, x, dim), x, "amax", include_self=False)


def segment_min(
    x: Tensor,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Smallest entry of every segment and channel: [N, ...] -> [B, ...]."""
    return -segment_max(-x, index, ptr, dim_size, dim)


def segment_broadcast(
    y: Tensor, index: Tensor | None = None, ptr: Tensor | None = None, length: int | None = None, dim: int = 0
) -> Tensor:
    """Every segment's row, at each of its entries: [B, ...] -> [N, ...]."""
    if index is None:
        index, _ = _resolve(None, ptr, None, int(ptr[-1]) if length is None else length)  # type: ignore[index]
    return y.index_select(dim, index)


def segment_softmax(
    x: Tensor,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Softmax within every segment and channel, the shape of ``x``."""
    index, size = _resolve(index, ptr, dim_size, x.size(dim))
    top = segment_max(x.detach(), index, dim_size=size, dim=dim)
    weight = (x - segment_broadcast(top, index, dim=dim)).exp()
    return weight / segment_broadcast(segment_sum(weight, index, dim_size=size, dim=dim), index, dim=dim)


def segment_logsumexp(
    x: Tensor,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """log of the sum of exponentials of every segment and channel: [N, ...] -> [B, ...]."""
    index, size = _resolve(index, ptr, dim_size, x.size(dim))
    top = segment_max(x.detach(), index, dim_size=size, dim=dim)
    total = segment_sum((x - segment_broadcast(top, index, dim=dim)).exp(), index, dim_size=size, dim=dim)
    return torch.where(total > 0, total, torch.ones_like(total)).log() + top


def segment_norm(
    x: Tensor,
    p: Tensor | float,
    q: Tensor | float,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """n^(-q) (sum x^p)^(1/p) of every segment of entries >= 0; p, q scalars or broadcast against a row.

    With the extreme m* (the largest for p > 0, the smallest for p < 0) outside the exponential:
    m* exp(log(sum exp(p log(x / m*))) / p - q log n); nothing overflows, whatever the magnitudes.
    Zeros: a segment whose extreme is zero gives zero, and the gradient at an exact zero is zero.
    """
    index, size = _resolve(index, ptr, dim_size, x.size(dim))
    value = x.detach()
    if isinstance(p, Tensor):
        extreme = torch.where(
            p > 0,
            segment_max(value, index, dim_size=size, dim=dim),
            segment_min(value, index, dim_size=size, dim=dim),
        )
    else:
        extreme = (segment_max if p > 0 else segment_min)(value, index, dim_size=size, dim=dim)
    scale = segment_broadcast(torch.where(extreme > 0, extreme, torch.ones_like(extreme)), index, dim=dim)
    positive = value > 0
    ratio = (p * (torch.where(positive, x, scale) / scale).log()).masked_fill(~positive, -torch.inf)
    total = segment_sum(ratio.exp(), index, dim_size=size, dim=dim)
    count = segment_count(index, dim_size=size)
    shape = [1] * x.dim()
    shape[dim] = -1
    logn = count.clamp(min=1).to(x.dtype).log().view(shape)
    filled = torch.where(extreme > 0, total, torch.ones_like(total))
    return extreme * (filled.log() / p - q * logn).exp()
