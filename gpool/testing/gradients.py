"""What values and gradients of every layer must be: finite."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["backward", "finite"]


def finite(values: Tensor, what: str) -> None:
    """Refuse infinite values and NaN."""
    assert values.isfinite().all(), (
        f"{what} must be finite, got {values[~values.isfinite()].unique().tolist()}"
    )


def backward(layer: nn.Module, inputs: Iterable[Tensor], y: Tensor, what: str) -> None:
    """Refuse gradients of the sum of ``y``, in the inputs and the parameters, that are not finite."""
    tensors = [v for v in (*inputs, *layer.parameters()) if v.requires_grad]
    for grad in torch.autograd.grad(y.float().sum(), tensors, allow_unused=True):
        if grad is not None:
            finite(grad, what)
