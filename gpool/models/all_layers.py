"""A readout of every layer's states side by side."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.nn.aggr import Aggregation

from gpool.history import HistoryReadout
from gpool.history.base import History

__all__ = ["AllLayers"]


class AllLayers(HistoryReadout):
    """``readout([x_1 || ... || x_L])``: one aggregation of all layers' states side by side.

    As SortPooling has it in DGCNN (Zhang et al. 2018) and the sum in GIN's jumping knowledge
    (arXiv:1806.03536).

    Args:
        readout: any ``torch_geometric.nn.aggr.Aggregation``.

    Shape:
        - L x [N, C] -> the readout's [B, D] of nodes [N, L C].

    >>> import torch
    >>> from torch_geometric.nn import SumAggregation
    >>> AllLayers(SumAggregation())([torch.ones(2, 3), torch.ones(2, 4)], torch.tensor([0, 0])).shape
    torch.Size([1, 7])
    """

    def __init__(self, readout: Aggregation) -> None:
        super().__init__()
        self.readout = readout

    def reset_parameters(self) -> None:
        """Draw the readout's parameters anew."""
        self.readout.reset_parameters()

    def forward(self, history: History, index: Tensor, dim_size: int | None = None) -> Tensor:
        """One row per graph, [B, D]."""
        wide = history.flatten(1) if isinstance(history, Tensor) else torch.cat(list(history), dim=1)
        return self.readout(wide, index, dim_size=dim_size)
