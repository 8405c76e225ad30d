"""Batch norm that accepts a single training row."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["SingleRowBatchNorm"]


class SingleRowBatchNorm(nn.BatchNorm1d):
    """Batch norm over rows, which accepts a single training row.

    A single training row is normalized with running statistics, which are not updated.
    PyTorch's batch norm raises an error for a single training row. Pooling can leave one node in a batch, and
    the last batch can hold one small graph or one link. Under ``torch.compile`` a single training row is an
    error here too.

    Shape:
        - [N, C] -> [N, C].

    >>> import torch
    >>> SingleRowBatchNorm(2)(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    def forward(self, input: Tensor) -> Tensor:  # the base class's name
        """Normalized rows, [N, C]."""
        if torch.compiler.is_compiling():  # pooled sizes are not known; batch norm would ask for them
            torch._check(input.size(0) > (1 if self.training else 0))
        elif self.training and input.size(0) < 2:
            statistics = self.running_mean, self.running_var
            return F.batch_norm(input, *statistics, self.weight, self.bias, eps=self.eps)
        return super().forward(input)
