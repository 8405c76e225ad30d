"""Whether torch differentiates or maps in a way that a custom operator does not know of."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["refuse_forward_mode", "transformed"]


def transformed(*inputs: Tensor) -> bool:
    """Whether a transform of torch.func or a forward-mode derivative is at work on these.

    Our custom operators have a rule for the backward alone. torch calls such an operator inside of a
    forward-mode derivative without a word, and the tangent is lost.
    """
    if torch._C._are_functorch_transforms_active():
        return True
    return any(forward_ad.unpack_dual(x).tangent is not None for x in inputs)


def refuse_forward_mode(name: str, *inputs: Tensor) -> None:
    """Raise where ``name``, a function without a rule for it, is differentiated in forward mode.

    Raises:
        NotImplementedError: one of the inputs has a tangent.
    """
    if not torch.compiler.is_compiling() and any(
        forward_ad.unpack_dual(x).tangent is not None for x in inputs
    ):
        raise NotImplementedError(f"{name} has no forward-mode derivatives; use the backward")
