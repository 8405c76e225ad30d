"""The network for the extrapolation tasks: message passing, a readout and a linear head."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation

__all__ = ["AlgorithmicModel"]


class MessageRound(nn.Module):
    """Messages relu(W2 relu(W1 [x_target, x_source, w] + b1) + b2), pooled at their targets: [N, D]."""

    def __init__(
        self, channels: int, hidden_channels: int, aggregation: Aggregation, *, weighted: bool
    ) -> None:
        super().__init__()
        # W1 by its column blocks: applied to nodes before they are gathered, not to every edge
        self.target = nn.Linear(channels, hidden_channels)
        self.source = nn.Linear(channels, hidden_channels, bias=False)
        self.weight = nn.Linear(1, hidden_channels, bias=False) if weighted else None
        self.second = nn.Linear(hidden_channels, hidden_channels)
        self.aggregation = aggregation

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None) -> Tensor:
        """The next state of every node."""
        source, target = edge_index
        first = self.target(x).index_select(0, target) + self.source(x).index_select(0, source)
        if self.weight is not None:
            if edge_attr is None:
                raise ValueError(
                    "edge_attr=None must be the weights of the edges [E, 1], as weighted=True wants"
                )
            first = first + self.weight(edge_attr)
        message = self.second(first.relu()).relu()
        return self.aggregation(message, target, dim_size=x.size(0))


class AlgorithmicModel(nn.Module):
    """Rounds of message passing, a readout and a linear head.

    The network of "How Neural Networks Extrapolate" (Xu et al., 2021, arXiv:2009.11848). Messages end in a
    ReLU, so every pooling sees entries that are not negative. Without rounds it is a readout and a linear
    head.

    Args:
        in_channels: width of the node features.
        out_channels: numbers to predict for a graph.
        aggregation: pools messages; every round has its own copy.
        readout: pools nodes.
        hidden_channels: width of the states.
        num_layers: rounds of message passing, 0 for none.
        weighted: whether messages see the weights of the edges.
        mlp: whether a perceptron of two layers stands between the rounds and the readout.

    Shape:
        - x [N, C], edge_index [2, E], edge_attr [E, 1], batch [N] -> [B, out_channels].
          With N nodes, E edges, B graphs, C channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        aggregation: Aggregation,
        readout: Aggregation,
        *,
        hidden_channels: int = 256,
        num_layers: int = 2,
        weighted: bool = False,
        mlp: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.hidden_channels = in_channels, out_channels, hidden_channels
        self._init_num_layers, self.weighted, self._init_mlp = num_layers, weighted, mlp
        widths = [in_channels, *[hidden_channels] * num_layers]
        self.rounds = nn.ModuleList(
            MessageRound(width, hidden_channels, copy.deepcopy(aggregation), weighted=weighted)
            for width in widths[:-1]
        )
        width = widths[-1]
        self.mlp = (
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
            if mlp
            else nn.Identity()
        )
        self.readout = copy.deepcopy(readout)
        self.head = nn.Linear(width, out_channels)

    @property
    def aggregation(self) -> nn.Module:
        """The pooling of messages in the first round; without rounds the readout, which is of its kind."""
        return cast("MessageRound", self.rounds[0]).aggregation if len(self.rounds) else self.readout

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Predictions [B, out_channels]; without ``batch`` all nodes are one graph."""
        if batch is None:
            batch, batch_size = torch.zeros(x.size(0), dtype=torch.long, device=x.device), 1
        for message_round in self.rounds:
            x = message_round(x, edge_index, edge_attr)
        return self.head(self.readout(self.mlp(x), batch, dim_size=batch_size))
