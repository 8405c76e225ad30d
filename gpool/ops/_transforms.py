"""Whether torch differentiates or maps in a way that a custom operator does not know of."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["transformed"]


def transformed(*inputs: Tensor) -> bool:
    """Whether a transform of torch.func or a forward-mode derivative is at work on these.

    Our custom operators have a rule for the backward alone. torch calls such an operator inside of a
    forward-mode derivative without a word, and the tangent is lost.
    """
    if torch._C._are_functorch_transforms_active():
        return True
    return any(forward_ad.unpack_dual(x).tangent is not None for x in inputs)
