"""Pairs of similar rows within segments, found block by block."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.checks.arguments import length_along
from gpool.ops.masks import positions
from gpool.ops.partition.ties import near
from gpool.ops.precision import floating
from gpool.ops.segment import Segments, resolve
from gpool.ops.sorted_keys import sort_keys

__all__ = ["similar_pairs"]

AT_ONCE = 1 << 21  # similarities held at once


def similar_pairs(
    x: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    *,
    above: float,
) -> Tensor:
    """Pairs of rows of one segment whose cosine is greater than ``above``, in both directions: int64 [2, E].

    A row is no pair with itself. A row of zeros has the cosine 0 with all others. A cosine that rounding does
    not tell from ``above`` is not greater, so that the pairs of a segment depend on its own rows alone. Not
    more than 2 million cosines, or those of one row, are held at once. The pairs have no gradient. Their
    number is read off the device.

    Shape:
        x [N, C], index [N] (any order) or ptr [B + 1] -> [2, E].

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.1], [1.0, 0.0]])
        >>> similar_pairs(x, torch.tensor([0, 0, 0, 1]), dim_size=2, above=0.5)
        tensor([[0, 2],
                [2, 0]])
    """
    rows = floating("x", x).detach()
    segments = resolve(index, ptr, dim_size, length_along(x, 0), x.device)
    if x.dim() != 2:
        raise ValueError(f"x of shape {tuple(x.shape)} must be [N, C]")
    find = _opaque if torch.compiler.is_compiling() else _pairs
    return find(rows, segments.segment, segments.size, above + near(rows.dtype))


def _pairs(x: Tensor, index: Tensor, size: int, bound: float) -> Tensor:
    x = x / x.abs().amax(dim=1, keepdim=True).clamp(
        min=torch.finfo(x.dtype).tiny
    )  # squares neither over- ...
    x = torch.nn.functional.normalize(x, dim=1)  # ... nor underflow
    index, order = sort_keys(index, size)
    x = x.index_select(0, order)
    ends = torch.searchsorted(index, index, right=True)  # [N] where the segment of a row ends
    found = [order.new_empty(2, 0)]
    for start, stop, last in _blocks(index, ends):
        similar = (
            x[start:stop] @ x[start:last].t() > bound
        )  # what stands before a row was its partner already
        similar &= index[start:stop].unsqueeze(1) == index[start:last]
        at = positions(similar.triu_(1).view(-1))
        found.append(torch.stack([at // (last - start), at % (last - start)]) + start)
    once = order[torch.cat(found, dim=1)]
    return torch.cat([once, once.flip(0)], dim=1)


def _blocks(index: Tensor, ends: Tensor) -> list[tuple[int, int, int]]:
    """Rows from, to, and the row at which the segment of the last of them ends."""
    nodes = index.numel()
    if nodes == 0:
        return []
    longest = int((ends - torch.searchsorted(index, index)).max())
    most = 128 if index.device.type == "cpu" else 2048  # more rows waste products between segments
    step = min(max(AT_ONCE // (longest + most), 1), most)
    starts = torch.arange(0, nodes, step, device=index.device)
    stops = (starts + step).clamp(max=nodes)
    return [tuple(block) for block in torch.stack([starts, stops, ends[stops - 1]], dim=1).tolist()]


@torch.library.custom_op("gpool::similar_pairs", mutates_args=())
def _opaque(x: Tensor, index: Tensor, size: int, bound: float) -> Tensor:
    return _pairs(x, index, size, bound)


@_opaque.register_fake
def _(x: Tensor, index: Tensor, size: int, bound: float) -> Tensor:
    return index.new_empty(2, torch.library.get_ctx().new_dynamic_size())
