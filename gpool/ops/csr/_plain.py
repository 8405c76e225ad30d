"""Sparse products by gather and scatter, for any device, dtype and transform; with all derivatives."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["plain_matmul", "plain_powers", "plain_sample"]


def rows(rowptr: Tensor, entries: int) -> Tensor:
    """The row of every entry."""
    each = torch.arange(rowptr.numel() - 1, device=rowptr.device)
    return torch.repeat_interleave(each, rowptr.diff().long(), output_size=entries)


def plain_matmul(rowptr: Tensor, col: Tensor, value: Tensor, dense: Tensor) -> Tensor:
    """A X: [E], [M, C] -> [M, C]."""
    message = value.unsqueeze(-1) * dense.index_select(0, col)
    out = message.new_zeros(rowptr.numel() - 1, dense.size(1))
    return out.index_add(0, rows(rowptr, col.numel()), message)


def plain_sample(rowptr: Tensor, col: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """<left[row], right[col]>: two [M, C] -> [E]."""
    return (left.index_select(0, rows(rowptr, col.numel())) * right.index_select(0, col)).sum(-1)


def plain_powers(rowptr: Tensor, col: Tensor, value: Tensor, dense: Tensor, steps: int) -> Tensor:
    """X, A X, ..., A^steps X: [steps + 1, M, C]."""
    out = [dense]
    for _ in range(steps):
        out.append(plain_matmul(rowptr, col, value, out[-1]))
    return torch.stack(out)
