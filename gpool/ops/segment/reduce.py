"""Sum, mean, extremes and number of entries of every segment, and a segment's row back at its entries."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.blocks import blocks_of
from gpool.ops.checks.arguments import check_count, check_integers, length_along
from gpool.ops.precision import widened
from gpool.ops.segment._index import Segments, blamed, resolve, rising
from gpool.ops.segment._rows import along, as_rows, from_rows

__all__ = ["segment_broadcast", "segment_count", "segment_max", "segment_mean", "segment_min", "segment_sum"]


def segment_sum(
    x: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Sum of every segment: [N, ...] -> [B, ...]; half types are added up in float32."""
    segments = resolve(index, ptr, dim_size, length_along(x, dim), x.device, look=False)
    rows = as_rows(widened(x), dim)
    try:
        total = rows.new_zeros(segments.size, rows.size(1)).index_add(0, segments.segment, rows)
    except (IndexError, RuntimeError) as error:
        raise blamed(error, segments) from None
    return from_rows(total.to(x.dtype), x, dim)


def segment_count(
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    length: int | None = None,
) -> Tensor:
    """Entries of every segment, int64 [B]."""
    if length is not None:
        check_count("length", length)
    if ptr is not None and index is None:
        return rising(ptr, dim_size, length).diff()
    if length is None:
        length = _length_of(index)
    segment, size, ptr = resolve(index, ptr, dim_size, length)
    if ptr is not None:
        return ptr.diff()
    return torch.zeros(size, dtype=torch.long, device=segment.device).index_add(
        0, segment, torch.ones_like(segment)
    )


def _length_of(index: Tensor | Segments | None) -> int:
    if index is None:
        return 0
    if isinstance(index, Segments):
        return index.segment.numel()
    check_integers("index", index)
    return index.numel()


def segment_mean(
    x: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Mean of every segment: [N, ...] -> [B, ...]; half types are added up in float32."""
    segments = resolve(index, ptr, dim_size, length_along(x, dim), x.device)
    wide = widened(x)
    count = segment_count(segments).clamp(min=1).to(wide.dtype)
    return (segment_sum(wide, segments, dim=dim) / along(count, x, dim)).to(x.dtype)


class _Extreme(torch.autograd.Function):
    """Extreme row entry of every segment; its gradient is shared equally by the entries that tie."""

    @staticmethod
    def forward(x: Tensor, index: Tensor, size: int, how: str) -> Tensor:
        return _extreme(x, index, size, how)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, str], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], inputs[1], output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        x, index, y = (t.detach() for t in ctx.saved_tensors)
        ties, count = torch.empty_like(x), torch.zeros_like(widened(y))
        for rows in blocks_of(x):
            here, part = index[rows], ties[rows]
            torch.index_select(y, 0, here, out=part)
            torch.eq(x[rows], part, out=part)  # in the type of x: comparisons into bool are slower
            count.index_add_(0, here, widened(part))
        share = grad / count.clamp_(min=1)
        if torch.is_grad_enabled():
            return ties * share.index_select(0, index), None, None, None
        for rows in blocks_of(x):
            ties[rows].mul_(share.index_select(0, index[rows]))
        return ties, None, None, None


def _extreme(x: Tensor, index: Tensor, size: int, how: str) -> Tensor:
    y = x.new_zeros(size, x.size(1))
    return y.scatter_reduce(0, index.unsqueeze(-1).expand_as(x), x, how, include_self=False)


def _segment_extreme(
    x: Tensor, index: Tensor | Segments | None, ptr: Tensor | None, dim_size: int | None, dim: int, how: str
) -> Tensor:
    segments = resolve(index, ptr, dim_size, length_along(x, dim), x.device, look=False)
    if x.is_complex():
        raise TypeError(f"x is {x.dtype}; complex numbers have no largest")
    extreme = _extreme if torch.compiler.is_compiling() else _Extreme.apply
    try:
        y = extreme(as_rows(x, dim), segments.segment, segments.size, how)
    except (IndexError, RuntimeError) as error:
        raise blamed(error, segments) from None
    return from_rows(y, x, dim)


def segment_max(
    x: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Largest entry of every segment and channel: [N, ...] -> [B, ...].

    Entries that tie for the largest share its gradient equally, so that the gradient, too, does not depend on
    their order. It is linear in what arrives, and so may be differentiated again.
    """
    return _segment_extreme(x, index, ptr, dim_size, dim, "amax")


def segment_min(
    x: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Smallest entry of every segment and channel: [N, ...] -> [B, ...]; ties as in :func:`segment_max`."""
    return _segment_extreme(x, index, ptr, dim_size, dim, "amin")


def segment_broadcast(
    y: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    length: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Every segment's row, at each of its entries: [B, ...] -> [N, ...]."""
    rows = length_along(y, dim, "y")
    if length is not None:
        check_count("length", length)
    if ptr is not None:
        return y.index_select(dim, _by_ptr(ptr, index, length, rows))
    if index is None:
        raise ValueError("index=None and ptr=None: one of them must say which segment an entry belongs to")
    if length is None:
        length = _length_of(index)
    return y.index_select(dim, resolve(index, None, rows, length, bound=f"y.size({dim})").segment)


def _by_ptr(ptr: Tensor, index: Tensor | Segments | None, length: int | None, rows: int) -> Tensor:
    """The segment of every entry, for segments that are the rows of a tensor."""
    ptr = rising(ptr, None, length)
    if ptr.numel() != rows + 1:
        raise ValueError(
            f"ptr has {ptr.numel()} entries; it must have {rows + 1}, one more than the rows of y"
        )
    if length is None:
        length = int(ptr[-1]) if index is None else _length_of(index)
    return resolve(index, ptr, None, length).segment
