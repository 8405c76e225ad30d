"""Learning rates over the epochs."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

__all__ = ["WarmupCosine"]


class WarmupCosine(LambdaLR):
    """Linear warmup to the optimizer's rate, then half a cosine to 0; stepped once per epoch.

    Epoch e (from 0) has (e + 1) / (warmup + 1) of the rate while e < warmup, then (1 + cos(pi t)) / 2 of it,
    t = (e - warmup) / (epochs - warmup) from then on.

    Args:
        optimizer: whose rates are scaled.
        epochs: when the rate is 0.
        warmup: epochs of the linear part.

    Raises:
        ValueError: unless 0 <= warmup < epochs.
    """

    def __init__(self, optimizer: Optimizer, epochs: int, warmup: int = 0) -> None:
        if not 0 <= warmup < epochs:
            raise ValueError(f"warmup={warmup} must be at least 0 and below epochs={epochs}")

        def share(epoch: int) -> float:
            if epoch < warmup:
                return (epoch + 1) / (warmup + 1)
            return (1 + math.cos(math.pi * min((epoch - warmup) / (epochs - warmup), 1.0))) / 2

        super().__init__(optimizer, share)
