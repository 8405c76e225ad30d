"""Checks of arguments, each with one error that names the argument, what it is and what it must be."""

from __future__ import annotations

import operator

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from gpool.ops.checks import values_checked
from gpool.ops.sorted_keys import memory_of

__all__ = [
    "check_channels",
    "check_count",
    "check_dropout",
    "check_heads",
    "check_integers",
    "check_nonzero",
    "check_positive",
    "check_range",
    "check_type",
    "check_width",
    "checked_size",
    "length_along",
    "readable",
]

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def readable(v: Tensor) -> bool:
    """Whether values may be checked and are there: not in traces, transforms and tensors without memory."""
    return (
        values_checked(v)
        and not is_in_torch_dispatch_mode()
        and not isinstance(v, FakeTensor)
        and not torch._C._functorch.is_functorch_wrapped_tensor(v)
        and not torch.jit.is_tracing()
    )


def check_integers(name: str, v: Tensor) -> None:
    """Refuses what is not a tensor of integers."""
    if not isinstance(v, Tensor):
        raise TypeError(f"{name} is a {type(v).__name__}; it must be a tensor of integers")
    if v.dtype not in INTEGERS:
        raise TypeError(f"{name} is {v.dtype}; it must hold integers, int64 or int32")


def checked_size(name: str, ids: Tensor, size: int | None, bound: str) -> int:
    """Refuses ids outside of 0 .. size - 1, and returns size (None: the largest id + 1), named ``bound``."""
    if ids.numel() == 0:
        return 0 if size is None else size
    memory = memory_of(ids) if ids.dtype == torch.int64 else None
    if memory is not None:  # unsigned, an id below 0 is a huge one: one pass, a third of aminmax's time
        largest = int(memory.view(np.uint64).max())
        if largest < (size if size is not None else 1 << 63):
            return largest + 1 if size is None else size
    low, high = (int(v) for v in torch.aminmax(ids))
    if size is None:
        size = high + 1
    check_range(name, low, high, size, bound)
    return size


def check_range(name: str, low: int, high: int, size: int, bound: str) -> None:
    """Refuses ids from ``low`` to ``high`` that are not within 0 .. size - 1, named ``bound``."""
    if low < 0 or high >= size:
        must = f"it must lie in 0 .. {size - 1}" if size > 0 else "there must be none"
        raise IndexError(f"{name} runs from {low} to {high}; {must}, where {bound}={size}")


def check_count(name: str, v: int) -> None:
    """Refuses what is not an integer, or is negative."""
    if torch.compiler.is_compiling() or isinstance(v, torch.SymInt):
        return
    try:
        count = operator.index(v)
    except TypeError:
        raise TypeError(f"{name}={v!r} must be an integer") from None
    if count < 0:
        raise ValueError(f"{name}={count} must not be negative")


def check_nonzero(name: str, size: int, entries: int) -> None:
    """Refuses a size of 0 where there are entries; compilers, to which both are symbols, are not asked."""
    if torch.compiler.is_compiling() or isinstance(size, torch.SymInt) or isinstance(entries, torch.SymInt):
        return
    if size == 0 and entries > 0:
        raise IndexError(f"{name}=0 must be at least 1: there are {entries} entries")


def check_positive(**counts: int) -> None:
    """Refuses what is not an integer of at least 1."""
    for name, v in counts.items():
        check_count(name, v)
        if v < 1:
            raise ValueError(f"{name}={v} must be at least 1")


def check_channels(channels: int | None) -> None:
    """Refuses a width that is neither a positive integer nor None, which stands for any."""
    if channels is None:
        return
    if isinstance(channels, float) or channels < 1:
        raise ValueError(f"channels={channels} must be a positive integer, or None for any number of them")


def check_width(x: Tensor, channels: int | None, dim: int, last: bool = False) -> None:
    """Refuses an x without ``channels`` in its last dimension, along which only ``last`` may be pooled."""
    if channels is not None and (x.size(-1) != channels or (not last and dim in (-1, x.dim() - 1))):
        raise ValueError(
            f"x of shape {tuple(x.shape)}, pooled along dim={dim}, "
            f"must have channels={channels} in its last dimension"
        )


def check_dropout(dropout: float) -> None:
    """Refuses a probability outside of [0, 1), with which something would be left."""
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout={dropout} must be in [0, 1)")


def check_heads(channels: int, heads: int) -> None:
    """Refuses heads that do not divide the channels."""
    check_positive(channels=channels, heads=heads)
    if channels % heads != 0:
        raise ValueError(f"heads={heads} must divide channels={channels}")


def check_type(name: str, x: Tensor, like: Tensor) -> None:
    """Refuses an input of another type than the parameter ``like``, unless autocast will convert it."""
    kinds = (x.dtype, like.dtype)
    if x.dtype != like.dtype and (
        torch.float64 in kinds or not (x.is_floating_point() and torch.is_autocast_enabled(x.device.type))
    ):
        raise TypeError(f"{name} is {x.dtype}; it must be {like.dtype}, as the parameters are")


def length_along(x: Tensor, dim: int, name: str = "x") -> int:
    """How many entries ``x``, an argument called ``name``, has along ``dim``."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} is a {type(x).__name__}; it must be a tensor")
    if not isinstance(dim, int):
        raise TypeError(f"dim={dim!r} must be an integer")
    if not -x.dim() <= dim < x.dim():
        raise IndexError(
            f"dim={dim} must lie in {-x.dim()} .. {x.dim() - 1} for {name} of shape {tuple(x.shape)}"
        )
    return x.size(dim)
