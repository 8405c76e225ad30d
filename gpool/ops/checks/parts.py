"""Checks of the parts of a sparse structure: pointers, ids, orders. Each error names the part.

They look at values, so they belong behind :func:`gpool.ops.checks.values_checked`.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_ids", "check_order", "check_pointer", "check_shape", "is_integer"]


def is_integer(x: Tensor) -> bool:
    """Whether ``x`` holds integers, of any size; truth values are none."""
    return not (x.is_floating_point() or x.is_complex() or x.dtype == torch.bool)


def check_shape(name: str, x: Tensor, shape: tuple[int | None, ...], *dtypes: torch.dtype) -> None:
    """``x`` has one of these types and this shape, where None is any size."""
    fits = x.dim() == len(shape) and all(b is None or a == b for a, b in zip(x.shape, shape, strict=True))
    if not fits or x.dtype not in dtypes:
        sizes = ", ".join("*" if size is None else str(size) for size in shape)
        types = " or ".join(str(dtype) for dtype in dtypes)
        raise ValueError(f"{name} of shape {tuple(x.shape)} and {x.dtype} must be [{sizes}] of {types}")


def check_ids(name: str, ids: Tensor, bound: int, kind: str = "") -> None:
    """All ids, of what ``kind`` says, lie in 0 .. bound - 1."""
    if ids.numel() == 0:
        return
    low, high = (int(v) for v in torch.aminmax(ids))
    if low < 0 or high >= bound:
        wrong = low if low < 0 else high
        allowed = f"ids must be 0 .. {bound - 1}" if bound > 0 else "there is none to name"
        raise ValueError(f"{name} holds {f'{kind} ' if kind else ''}{wrong}; {allowed}")


def check_pointer(name: str, pointer: Tensor, entries: int) -> None:
    """The pointer rises from 0 to ``entries``."""
    if pointer.numel() == 0:
        raise ValueError(f"{name} is empty; it must rise from 0 to {entries}")
    if int(pointer[0]) != 0 or int(pointer[-1]) != entries:
        ends = f"{int(pointer[0])} to {int(pointer[-1])}"
        raise ValueError(f"{name} goes from {ends}; it must rise from 0 to {entries}")
    if bool((pointer[1:] < pointer[:-1]).any()):
        at = int((pointer[1:] < pointer[:-1]).nonzero()[0, 0])
        raise ValueError(f"{name} falls from {int(pointer[at])} to {int(pointer[at + 1])}; it must rise")


def check_order(name: str, order: Tensor) -> None:
    """The order names every position once."""
    check_ids(name, order, order.numel())
    seen = torch.zeros(order.shape, dtype=torch.bool)
    seen.index_fill_(0, order.long(), True)
    if not bool(seen.all()):
        raise ValueError(f"{name} misses {int((~seen).nonzero()[0, 0])}; it must name every position once")
