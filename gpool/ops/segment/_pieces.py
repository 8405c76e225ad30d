"""Split segments into cache-sized pieces.

Segments are cut into pieces of at most ``rows`` entries, and neighboring pieces are gathered into blocks of
about as many. An operation runs all of its passes on one block before it turns to the next, and joins the
pieces of a cut segment at the end.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import torch
from torch import Tensor

from gpool.ops.blocks import block_rows
from gpool.ops.checks.arguments import check_range, checked_size, readable
from gpool.ops.sorted_keys import sort_keys

__all__ = ["Pieces", "cut"]


class Pieces(NamedTuple):
    """K pieces of B segments, in the order of their entries."""

    perm: Tensor | None  # [N] the entries in the order of their segments; None: they are in order
    sizes: Tensor  # [B] entries of a segment
    segment: Tensor  # [K] segment of a piece
    whole: bool  # no segment is cut
    piece: Tensor  # [N] piece of an entry
    starts: Tensor  # [K] where a piece starts within its block
    longest: int  # entries of the longest piece
    largest: int  # entries of the largest block
    blocks: list[tuple[int, int, int, int]]  # entries from, to; pieces from, to


def cut(index: Tensor, ptr: Tensor | None, size: int, width: int) -> Pieces:
    """The pieces of entries, at least one, of ``width`` numbers each, on the CPU; looks at the index."""
    perm = None
    if ptr is None:
        if bool((index[1:] < index[:-1]).any()):
            if readable(index):
                checked_size("index", index, size, "dim_size")
            index, perm = sort_keys(index, size)
        elif readable(index):
            check_range("index", int(index[0]), int(index[-1]), size, "dim_size")
        ptr = torch.searchsorted(index, torch.arange(size + 1, dtype=index.dtype))
    rows = block_rows(width)
    count = ptr.diff()
    longest = int(count.max()) if size > 0 else 0
    whole = longest <= rows
    if whole and size > 0 and int(count.min()) > 0:
        segment, bounds, piece = torch.arange(size), ptr, index  # in order by now
    else:
        parts = (count + rows - 1).div(rows, rounding_mode="floor")  # [B]
        segment = torch.repeat_interleave(parts)  # [K]
        nth = torch.arange(segment.numel()) - (parts.cumsum(0) - parts)[segment]
        bounds = torch.cat([ptr[segment] + nth * rows, ptr[-1:]])  # [K + 1]
        piece = torch.repeat_interleave(bounds.diff(), output_size=index.numel())
    ends, begins, blocks, first = bounds.tolist(), [], [], 0
    while first < len(ends) - 1:
        last = max(bisect_right(ends, ends[first] + rows) - 1, first + 1)
        blocks.append((ends[first], ends[last], first, last))
        begins += [ends[first]] * (last - first)
        first = last
    starts = bounds[:-1] - torch.tensor(begins, dtype=bounds.dtype)
    largest = max((stop - start for start, stop, _, _ in blocks), default=0)
    return Pieces(perm, count, segment, whole, piece, starts, min(longest, rows), largest, blocks)
