"""What the graph parsing networks share: the parts of a level, and parsing until nothing shrinks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from gpool.models.explain import unmasked
from gpool.models.residual_gcn import ResidualGCN
from gpool.ops.checks.graphs import check_features, check_graph, filled_batch
from gpool.ops.segment import segment_count
from gpool.pooling import GraphParsing, Pooled, ProductScorer
from gpool.pooling.layers import MLP

__all__ = ["ParsingBase", "ParsingParts"]


@dataclass(frozen=True)
class ParsingParts:
    """Layers of the perceptrons and convolutions that a graph parsing network consists of.

    Args:
        score_layers: graph convolutions before the scores, GNN_1.
        set_encoder: convolutions before the set functions, GNN_2: "share" for GNN_1's output, "follow" for as
            many with weights of their own, or a number; 0 takes the level's input itself.
        scorer_layers, set_layers, encoder_layers: layers of the perceptron on edges, of each set function,
            and of the encoder and the head each.
        plain_last: no activation after the last layer of encoder, set functions and convolutions. The scorer
            and the head never have one there.
        dropout: after the activations of all parts.

    Raises:
        ValueError: ``set_encoder`` is not one of those above.
    """

    score_layers: int = 2
    set_encoder: Literal["share", "follow"] | int = "share"
    scorer_layers: int = 2
    set_layers: int = 1
    encoder_layers: int = 2
    plain_last: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.set_encoder, str) and self.set_encoder not in ("share", "follow"):
            raise ValueError(
                f"set_encoder={self.set_encoder!r} must be 'share', 'follow' or a number of layers"
            )

    @property
    def set_convolutions(self) -> int:
        """Number of convolutions of GNN_2."""
        return self.score_layers if isinstance(self.set_encoder, str) else self.set_encoder

    def perceptron(self, in_channels: int, channels: int) -> MLP:
        """The encoder of the nodes."""
        return MLP(
            in_channels,
            channels,
            channels,
            num_layers=self.encoder_layers,
            dropout=self.dropout,
            plain_last=self.plain_last,
        )

    def head(self, channels: int, out_channels: int) -> MLP:
        """The perceptron from states to predictions."""
        return MLP(channels, channels, out_channels, num_layers=self.encoder_layers, dropout=self.dropout)

    def convolutions(self, channels: int, num_layers: int) -> ResidualGCN:
        """GNN_1, GNN_2 or GNN_3."""
        return ResidualGCN(channels, num_layers=num_layers, dropout=self.dropout, plain_last=self.plain_last)


class ParsingBase(nn.Module, ABC):
    """Encodes the nodes, parses until nothing shrinks and predicts from the levels.

    A subclass builds ``head`` and says in :meth:`combine` what the head reads.
    """

    head: nn.Module

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        *,
        parts: ParsingParts | None,
        edge_dropout: float,
        self_loops: bool,
        ties: Literal["lowest_id", "merge"],
        stop: Literal["graph", "batch"],
        weighted: bool,
        encoder: nn.Module | None,
        max_levels: int | None,
    ) -> None:
        super().__init__()
        parts = ParsingParts() if parts is None else parts
        self.parts = parts
        self.in_channels, self.hidden_channels, self.weighted = in_channels, hidden_channels, weighted
        self.edge_dropout, self.self_loops, self.ties, self.stop = edge_dropout, self_loops, ties, stop
        self.max_levels = max_levels
        self.encoder = encoder
        if encoder is None:
            self.embed = parts.perceptron(in_channels, hidden_channels)
        share = parts.set_encoder == "share"
        self.parse = GraphParsing(
            hidden_channels,
            scorer=ProductScorer(hidden_channels, num_layers=parts.scorer_layers, dropout=parts.dropout),
            set_layers=parts.set_layers,
            dropout=parts.dropout,
            plain_last=parts.plain_last,
            encoder=parts.convolutions(hidden_channels, parts.score_layers),
            set_encoder=None if share else parts.convolutions(hidden_channels, parts.set_convolutions),
            ties=ties,
            stop=stop,
            weighted=weighted,
            self_loops=self_loops,
            edge_dropout=edge_dropout,
        )

    @abstractmethod
    def combine(
        self,
        h: Tensor,
        edge_index: Tensor,
        weight: Tensor | None,
        batch: Tensor,
        levels: list[Pooled],
        batch_size: int,
    ) -> Tensor:
        """What the head reads: one row per graph, or one row per node."""

    def encode(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None) -> Tensor:
        """The states of the nodes before the first level, [N, d]."""
        if self.encoder is None:
            return torch.as_tensor(self.embed(x))
        h = self.encoder(x, edge_index, edge_attr)
        return h[-1] if isinstance(h, (list, tuple)) else h

    def levels(
        self, h: Tensor, edge_index: Tensor, weight: Tensor | None, batch: Tensor, batch_size: int
    ) -> list[Pooled]:
        """All levels at which some graph shrank, finest first."""
        found: list[Pooled] = []
        while self.max_levels is None or len(found) < self.max_levels:
            with unmasked(self.parse) if found else nullcontext():
                level = self.parse(h, edge_index, weight, batch, batch_size)
            if level.num_nodes == h.size(0):
                break
            found.append(level)
            h, edge_index, weight, batch = level.x, level.edge_index, level.edge_attr, level.batch
        return found

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Predictions for graphs or nodes; all nodes are one graph where ``batch`` is None."""
        if self.encoder is None:
            first = cast("nn.Linear", self.embed[0])
            check_features(x, first.in_features, first.weight)
        check_graph(x, edge_index, edge_attr, batch, batch_size)
        batch, batch_size = filled_batch(x, batch, batch_size)
        weight = edge_attr if self.parse.weighted else None
        h = self.encode(x, edge_index, edge_attr)
        levels = self.levels(h, edge_index, weight, batch, batch_size)
        return torch.as_tensor(self.head(self.combine(h, edge_index, weight, batch, levels, batch_size)))

    def live(self, batch: Tensor, levels: list[Pooled], batch_size: int) -> list[Tensor]:
        """For each level, a mask [B] over the graphs that take part in it.

        With ``stop="graph"`` these are the graphs that have shrunk at every level so far.
        """
        live = torch.ones(batch_size, dtype=torch.bool, device=batch.device)
        size, found = segment_count(batch, dim_size=batch_size), []
        for level in levels:
            before, size = size, segment_count(level.batch, dim_size=batch_size)
            if self.parse.stop == "graph":
                live = live & (size < before)
            found.append(live)
        return found
