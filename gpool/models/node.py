"""A node-level model: encoder, readout over the history, head."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch.nn.functional as F
from torch import Tensor, nn

from gpool.history import History
from gpool.models.encoder_contract import check_encoder
from gpool.ops.checks.graphs import check_graph

__all__ = ["NodeModel", "NodeReadout"]


@runtime_checkable
class NodeReadout(Protocol):
    """A readout of all layers' states that can stop at the nodes, such as :class:`gpool.HistoGraph`."""

    out_channels: int  #: width of a node's vector

    def nodes(self, history: History, index: Tensor | None = None, dim_size: int | None = None) -> Tensor:
        """One vector per node, [N, out_channels]."""


class NodeModel(nn.Module):
    """Nodes to one prediction per node: ``head(readout.nodes(encoder(x, edge_index), batch))``.

    Args:
        encoder: a module that takes ``(x, edge_index, edge_attr)`` and returns the list of every layer's node
            states, such as :class:`gpool.models.Encoder`.
        readout: maps all layers' states to one vector per node, see :class:`NodeReadout`; without it, the
            head reads the last layer's states.
        head: a module from a node's vector to predictions. Without it, one linear map is built; then
            ``out_channels`` must be given.
        out_channels: number of predictions per node, where no ``head`` is given.
        dropout: probability of dropping an entry of what the head reads.

    Shape:
        - ``x`` [N, C], ``edge_index`` [2, E], ``edge_attr`` [E, D], ``batch`` [N] -> [N, out_channels].

    Raises:
        ValueError: if neither or both of ``head`` and ``out_channels`` are given, or if the
            encoder or the readout does not keep its contract.

    >>> import torch
    >>> from gpool import HistoGraph
    >>> from gpool.models import Encoder
    >>> model = NodeModel(Encoder(3, hidden_channels=8), readout=HistoGraph(8), out_channels=2)
    >>> model(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]])).shape
    torch.Size([4, 2])
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        readout: NodeReadout | None = None,
        head: nn.Module | None = None,
        out_channels: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if (head is None) == (out_channels is None):
            raise ValueError(
                "give either head or out_channels: a head of your own, or the width of the default one"
            )
        width = check_encoder(encoder).out_channels
        if not isinstance(readout, NodeReadout | None):
            raise ValueError(
                f"readout={type(readout).__name__} must have nodes(history, index, dim_size) and "
                f"out_channels, as gpool.HistoGraph has; see gpool.models.NodeReadout"
            )
        if head is None:
            assert out_channels is not None
            head = nn.Linear(width if readout is None else readout.out_channels, out_channels)
        self.encoder = encoder
        self.readout = readout
        self.head = head
        self.dropout = dropout

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Predictions [N, out_channels]; all nodes are one graph where ``batch`` is None."""
        check_graph(x, edge_index, edge_attr, batch, batch_size)
        history = self.encoder(x, edge_index, edge_attr)
        states = history[-1] if self.readout is None else self.readout.nodes(history, batch, batch_size)
        return self.head(F.dropout(states, self.dropout, self.training))
