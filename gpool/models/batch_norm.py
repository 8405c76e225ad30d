"""Batch norm that a pooled graph of one node does not stop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["RowNorm"]


class RowNorm(nn.BatchNorm1d):
    """Batch norm over rows, which in training takes a single row by the running statistics and leaves these.

    PyTorch's refuses one: a pooling may leave a batch one node, and a last batch may be one small graph or
    link. Under ``torch.compile`` one row in training is refused all the same.

    Shape: [N, C] -> [N, C].

    >>> import torch
    >>> RowNorm(2)(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    def forward(self, input: Tensor) -> Tensor:  # the base class has named it
        if torch.compiler.is_compiling():  # pooled sizes are not known; batch norm would ask for them
            torch._check(input.size(0) > (1 if self.training else 0))
        elif self.training and input.size(0) < 2:
            statistics = self.running_mean, self.running_var
            return F.batch_norm(input, *statistics, self.weight, self.bias, eps=self.eps)
        return super().forward(input)
