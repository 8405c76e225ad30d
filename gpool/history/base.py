"""What every readout over the history of layers shares."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["History", "HistoryReadout"]

History = Sequence[Tensor] | Tensor
"""L tensors [N, C_l], one for each layer, or one tensor [N, L, C]."""


class HistoryReadout(nn.Module):
    """Base class of the readouts that take every layer's node states instead of the last ones.

    A subclass implements ``forward(history, index, dim_size=None)`` and sets ``out_channels``. A
    :class:`gpool.models.GraphModel` hands the whole history to a readout of this class, and the last layer's
    states to any other.
    """

    out_channels: int

    def forward(self, history: History, index: Tensor, dim_size: int | None = None) -> Tensor:
        """Read out L tensors [N, C_l] into [B, out_channels]."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(history, index, dim_size)")

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
