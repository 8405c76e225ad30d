"""Half precision as float32: the type in which everything accumulates."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["HALF", "floating", "widened"]

HALF = (torch.float16, torch.bfloat16)


def floating(name: str, v: Tensor) -> Tensor:
    """``v`` in the type in which reductions accumulate: half types as float32."""
    if not isinstance(v, Tensor) or not v.is_floating_point():
        kind = v.dtype if isinstance(v, Tensor) else f"a {type(v).__name__}"
        raise TypeError(f"{name} is {kind}; it must be a floating point tensor")
    return widened(v)


def widened(x: Tensor) -> Tensor:
    """Half precision as float32, in which every reduction accumulates; other types as they are."""
    return x.float() if x.dtype in HALF else x
