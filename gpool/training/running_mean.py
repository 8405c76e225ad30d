"""The mean of a number over an epoch."""

from __future__ import annotations

from torch import Tensor

__all__ = ["RunningMean"]


class RunningMean:
    """Mean over an epoch of a number per batch, weighted by the batches' sizes, without a device sync.

    ``LightningModule.log`` computes the same, but walks through all its results at every call.
    """

    def __init__(self) -> None:
        self.total: Tensor | None = None
        self.size = 0

    def update(self, value: Tensor, size: int) -> None:
        """Take in the mean over a batch."""
        weighted = value.detach() * size
        self.total = weighted if self.total is None else self.total + weighted
        self.size += size

    def take(self) -> dict[str, Tensor]:
        """The mean under the name ``"loss"``, nothing where there was no batch; and begin anew."""
        mean = {} if self.total is None else {"loss": self.total / self.size}
        self.total, self.size = None, 0
        return mean
