"""What every segment operation starts from: which segment each entry belongs to, and entries as rows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["along", "as_rows", "from_rows", "per_row", "resolve", "widened"]


def resolve(
    index: Tensor | None,
    ptr: Tensor | None,
    dim_size: int | None,
    length: int,
    device: torch.device | None = None,
) -> tuple[Tensor, int]:
    """The index [N] and the number of segments, from whichever of index and ptr is given, or one segment."""
    if ptr is not None:
        size = ptr.numel() - 1
        if ptr.device.type == "cpu" and not torch.compiler.is_compiling():
            _check(ptr, index, length)
        if dim_size is not None and dim_size != size:
            raise ValueError(
                f"dim_size={dim_size} must be {size}, one less than the {size + 1} entries of ptr"
            )
        if index is None:
            segments = torch.arange(size, device=ptr.device)
            index = torch.repeat_interleave(segments, ptr.diff(), output_size=length)
        return index.long(), size
    if index is None:
        return torch.zeros(length, dtype=torch.long, device=device), 1 if dim_size is None else dim_size
    if index.dim() != 1 or index.numel() != length:
        raise ValueError(
            f"index of shape {tuple(index.shape)} must be ({length},), one segment for each entry"
        )
    if dim_size is None:
        dim_size = int(index.max()) + 1 if length > 0 else 0
    return index.long(), dim_size


def _check(ptr: Tensor, index: Tensor | None, length: int) -> None:
    if ptr.dim() != 1 or ptr.numel() == 0 or int(ptr[0]) != 0 or int(ptr[-1]) != length:
        ends = f"from {int(ptr[0])} to {int(ptr[-1])}" if ptr.numel() > 0 else "without entries"
        raise ValueError(f"ptr {ends} must rise from 0 to {length}, the number of entries")
    if index is not None and not torch.equal(index.long(), torch.repeat_interleave(ptr.diff())):
        raise ValueError("index and ptr disagree; they must name the same segments, or give one of them")


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


def per_row(v: Tensor | float, x: Tensor, dim: int) -> Tensor | float:
    """A number, or one for each entry of a row, as rows [N, D] of ``x`` want it."""
    if not isinstance(v, Tensor):
        return v
    return v.reshape(()) if v.numel() == 1 else v.expand(x.movedim(dim, 0).shape[1:]).reshape(-1)


def widened(x: Tensor) -> Tensor:
    """Half precision as float32, in which every reduction accumulates; other types as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
