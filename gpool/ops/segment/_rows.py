"""Entries of any shape as the rows that segment operations work on, and back."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["along", "as_rows", "from_rows", "per_row"]


def along(v: Tensor, x: Tensor, dim: int) -> Tensor:
    """``v`` [K], shaped so that it broadcasts along ``dim`` of ``x``."""
    shape = [1] * x.dim()
    shape[dim] = -1
    return v.view(shape)


def as_rows(x: Tensor, dim: int) -> Tensor:
    """``x`` with ``dim`` first and the other dimensions flattened: [N, D]; a view where it can be one."""
    x = x.movedim(dim, 0) if dim not in (0, -x.dim()) else x
    return x.reshape(x.size(0), math.prod(x.shape[1:]))


def from_rows(y: Tensor, like: Tensor, dim: int) -> Tensor:
    """[B, D] back to the shape of ``like``, whose ``dim`` has become B."""
    if like.dim() == 2 and dim in (0, -2):
        return y
    rest = like.movedim(dim, 0).shape[1:]
    return y.reshape(y.size(0), *rest).movedim(0, dim)


def per_row(name: str, v: Tensor | float, x: Tensor, dim: int) -> Tensor | float:
    """A number, or one for each entry of a row, as rows [N, D] of ``x`` want it."""
    if not isinstance(v, Tensor):
        return v
    if v.numel() == 1:
        return v.reshape(())
    row = x.movedim(dim, 0).shape[1:]
    if v.dim() > len(row) or any(n not in (1, m) for n, m in zip(v.shape[::-1], row[::-1], strict=False)):
        raise ValueError(
            f"{name} of shape {tuple(v.shape)} must be one number or one for each of {tuple(row)}"
        )
    return v.expand(row).reshape(-1)
