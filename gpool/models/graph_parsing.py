"""The Graph Parsing Network for graphs."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gpool.models.parsing_base import ParsingBase, ParsingParts
from gpool.ops.segment import segment_mean, segment_sum
from gpool.pooling import Pooled

__all__ = ["GraphParsingNetwork"]


class GraphParsingNetwork(ParsingBase):
    r"""Parses every graph into as many levels as it needs, one set of weights for all of them.

    From "Graph Parsing Networks", Song et al. 2024, arXiv:2402.14393. A perceptron encodes the nodes, then
    :class:`gpool.GraphParsing` is applied until nothing shrinks. Without self-loops that takes at most
    log2(N) levels for N nodes in the largest graph. The nodes that are left of a graph are summed and
    classified.

    Args:
        in_channels: width of the node features.
        hidden_channels: width d of every level.
        out_channels: classes or tasks.
        parts: layers of the perceptrons and convolutions, see :class:`ParsingParts`.
        edge_dropout: in the parse, see :class:`gpool.GraphParsing`.
        self_loops: whether a node may stay alone.
        ties, stop, weighted: see :class:`gpool.GraphParsing`. With ``stop="graph"``, the default, the output
            for a graph does not depend on the others in its batch; "batch" is the authors' rule.
        readout: "sum" as above, or "level_mean", the sum over a graph's levels of the mean of its nodes,
            which the authors use for the OGB molecules.
        encoder: in place of the perceptron, called with (x, edge_index, edge_attr); of a list the last is
            taken.
        max_levels: stop after so many levels.

    Shape:
        - ``x`` [N, in_channels], ``edge_index`` [2, E] of undirected graphs, ``batch`` [N] -> [B,
          out_channels]. ``edge_attr`` is read by a given ``encoder``, and as weights [E] where ``weighted``.
          An empty graph sums to zero; a graph of one node is its encoding.

    Raises:
        ValueError: an option is not one of those above; the graph is directed.

    >>> import torch
    >>> from gpool.models import GraphParsingNetwork
    >>> net = GraphParsingNetwork(3, hidden_channels=8, out_channels=2)
    >>> net(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]]), batch=torch.tensor([0, 0, 1, 1])).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 128,
        out_channels: int = 2,
        *,
        parts: ParsingParts | None = None,
        edge_dropout: float = 0.0,
        self_loops: bool = False,
        ties: Literal["lowest_id", "merge"] = "lowest_id",
        stop: Literal["graph", "batch"] = "graph",
        weighted: bool = False,
        readout: Literal["sum", "level_mean"] = "sum",
        encoder: nn.Module | None = None,
        max_levels: int | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            hidden_channels,
            parts=parts,
            edge_dropout=edge_dropout,
            self_loops=self_loops,
            ties=ties,
            stop=stop,
            weighted=weighted,
            encoder=encoder,
            max_levels=max_levels,
        )
        if readout not in ("sum", "level_mean"):
            raise ValueError(f"readout={readout!r} must be 'sum' or 'level_mean'")
        self.readout = readout
        self.out_channels = out_channels
        self.head = self.parts.head(hidden_channels, out_channels)

    def combine(
        self,
        h: Tensor,
        edge_index: Tensor,
        weight: Tensor | None,
        batch: Tensor,
        levels: list[Pooled],
        batch_size: int,
    ) -> Tensor:
        """One vector per graph, [B, d]."""
        return self.read(h, batch, levels, batch_size)

    def read(self, h: Tensor, batch: Tensor, levels: list[Pooled], batch_size: int) -> Tensor:
        """One vector per graph, [B, d], from the states before the first level and from the levels.

        With ``stop="graph"`` a graph is read where it first did not shrink, even if in training, where edges
        are dropped at random, it would shrink at a later level.
        """
        reduce = segment_sum if self.readout == "sum" else segment_mean
        total = reduce(h, batch, dim_size=batch_size)
        for level, live in zip(levels, self.live(batch, levels, batch_size), strict=True):
            value = reduce(level.x, level.batch, dim_size=batch_size)
            value = value if self.readout == "sum" else total + value
            total = torch.where(live.unsqueeze(-1), value, total)
        return total
