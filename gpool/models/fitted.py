"""Models of links that learn from all training batches at once, and not by gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from gpool.link.batch import LinkBatch

__all__ = ["FittedModel"]


class FittedModel(nn.Module, ABC):
    """Takes in the training batches one by one, then is fitted; :class:`gpool.training.LinkTask` does both.

    One epoch is trained, whatever the trainer says, and validation comes after the fit. What was fitted must
    be in the ``state_dict``.
    """

    @property
    @abstractmethod
    def fitted(self) -> bool:
        """Whether the model has been fitted."""

    @abstractmethod
    def collect(self, batch: LinkBatch) -> None:
        """Take in a training batch."""

    @abstractmethod
    def fit(self) -> None:
        """Learn from what was taken in, and forget it; without any batch nothing changes."""

    @abstractmethod
    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits [B]; zeros before the fit."""
