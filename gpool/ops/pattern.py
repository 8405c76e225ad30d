"""Where a sparse matrix may be non-zero, by rows and by columns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Pattern"]


@dataclass(frozen=True)
class Pattern:
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

    def copies(self, count: int) -> Pattern:
        """The pattern of ``count`` such matrices along a diagonal (entries of the first copy first)."""
        size, entries = self.size, self.col.numel()
        shift = torch.arange(count, device=self.col.device, dtype=torch.int32).view(-1, 1)

        def blocks(x: Tensor, step: int) -> Tensor:
            return (x.to(torch.int32) + shift * step).view(-1)

        def pointer(x: Tensor) -> Tensor:
            return torch.cat([x[:1].to(torch.int32), blocks(x[1:], entries)])

        return Pattern(
            pointer(self.rowptr),
            blocks(self.col, size),
            blocks(self.order, entries),
            pointer(self.colptr),
            blocks(self.row, size),
        )
