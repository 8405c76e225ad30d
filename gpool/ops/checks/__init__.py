"""The switch for checks of values: on by default, off for those who count every microsecond."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["check_values", "values_checked"]

_enabled = os.environ.get("GPOOL_CHECK_VALUES", "1") != "0"


def values_checked(x: Tensor) -> bool:
    """Whether the values of ``x`` may be looked at: on the CPU, outside of a trace, unless switched off."""
    return _enabled and x.device.type == "cpu" and not torch.compiler.is_compiling()


@contextmanager
def check_values(enabled: bool) -> Iterator[None]:
    """Switch the checks of index, ptr, batch and edge_index values on or off in this block.

    They are on by default. ``GPOOL_CHECK_VALUES=0`` in the environment switches them off for a whole process.
    With the checks off, an index out of range is undefined behavior: it can crash the process.
    """
    global _enabled
    before, _enabled = _enabled, enabled
    try:
        yield
    finally:
        _enabled = before
