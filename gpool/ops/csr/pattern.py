"""Where a sparse matrix may be non-zero, by rows and by columns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gpool.ops.checks import values_checked
from gpool.ops.checks.parts import check_ids, check_order, check_pointer, check_shape
from gpool.ops.checks.records import CheckedRecord

__all__ = ["Pattern", "index_type"]

INDEX = (torch.int32, torch.int64)


def index_type(count: int) -> torch.dtype:
    """The smallest type that counts so far."""
    return torch.int32 if count < 2**31 else torch.int64


@dataclass(frozen=True)
class Pattern(CheckedRecord):
    """Where a square sparse matrix of M rows may be non-zero, by rows and, through ``order``, by columns.

    Shape:
        - **rowptr** [M + 1], **col** [E]: entry e of row r, for rowptr[r] <= e < rowptr[r + 1], is in column
          col[e].
        - **order** [E]: the entries sorted by column; **colptr** [M + 1], **row** [E]: the transpose's
          rowptr and col.
    """

    rowptr: Tensor
    col: Tensor
    order: Tensor
    colptr: Tensor
    row: Tensor

    @property
    def size(self) -> int:
        return self.rowptr.numel() - 1

    def check_parts(self) -> None:
        entries = self.col.numel()
        for by, pointer, ids in (("row", self.rowptr, self.col), ("col", self.colptr, self.row)):
            other = "col" if by == "row" else "row"
            check_shape(f"{by}ptr", pointer, (self.size + 1,), *INDEX)
            check_shape(other, ids, (entries,), pointer.dtype)
            check_pointer(f"{by}ptr", pointer, entries)
            check_ids(other, ids, self.size)
        check_shape("order", self.order, (entries,), *INDEX)
        check_order("order", self.order)
        row, col = (torch.repeat_interleave(p.diff().long()) for p in (self.rowptr, self.colptr))
        if not torch.equal(self.col[self.order].long(), col):
            raise ValueError("order and colptr disagree with col; order must sort the entries by column")
        if not torch.equal(row[self.order], self.row.long()):
            raise ValueError(
                "row and order disagree with rowptr; row must hold the row of every entry in order"
            )

    def copies(self, count: int) -> Pattern:
        """The pattern of ``count`` such matrices along a diagonal (entries of the first copy first)."""
        size, entries = self.size, self.col.numel()
        dtype = index_type(count * max(size, entries))
        shift = torch.arange(count, device=self.col.device, dtype=dtype).view(-1, 1)

        def blocks(x: Tensor, step: int) -> Tensor:
            return x.to(dtype) if count == 1 else (x.to(dtype) + shift * step).view(-1)

        def pointer(x: Tensor) -> Tensor:
            return torch.cat([x[:1].to(dtype), blocks(x[1:], entries)])

        made = Pattern(
            pointer(self.rowptr),
            blocks(self.col, size),
            blocks(self.order, entries),
            pointer(self.colptr),
            blocks(self.row, size),
        )
        return made.trust() if values_checked(self.col) and self.sound else made
