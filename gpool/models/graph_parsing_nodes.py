"""Graph Parsing Networks with one output row per node: for node classification, and to rebuild the input."""

from __future__ import annotations

from contextlib import nullcontext
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gpool.models.explain import unmasked
from gpool.models.parsing_base import ParsingBase, ParsingParts
from gpool.ops.partition.quotient import lift
from gpool.pooling import Pooled

__all__ = ["GraphParsingAutoencoder", "GraphParsingNodeNetwork"]


class UnpoolingBase(ParsingBase):
    """Goes from the coarsest level back down to the nodes; ``skip`` adds the states of each level passed."""

    skip: ClassVar[bool]

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 128,
        out_channels: int = 2,
        *,
        parts: ParsingParts | None = None,
        up_layers: Literal["follow"] | int = "follow",
        edge_dropout: float = 0.0,
        self_loops: bool = True,
        ties: Literal["lowest_id", "merge"] = "lowest_id",
        stop: Literal["graph", "batch"] = "graph",
        weighted: bool = False,
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
        if isinstance(up_layers, str) and up_layers != "follow":
            raise ValueError(f"up_layers={up_layers!r} must be 'follow' or a number of layers")
        self.out_channels, self.up_layers = out_channels, up_layers
        depth = self.parts.set_convolutions if isinstance(up_layers, str) else up_layers
        self.up = self.parts.convolutions(hidden_channels, depth)
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
        """From the coarsest level to the nodes, [N, d]; a graph joins at the last level it takes part in."""
        if not levels:
            return h
        below = [
            (h, edge_index, weight, batch),
            *((level.x, level.edge_index, level.edge_attr, level.batch) for level in levels[:-1]),
        ]
        top = levels[-1].x
        steps = list(zip(levels, below, self.live(batch, levels, batch_size), strict=True))
        for level, (state, edges, weights, of), live in reversed(steps):
            assert level.inside is not None
            lifted = lift(top / level.inside.to(top.dtype).unsqueeze(-1), level.cluster)
            with nullcontext() if edges is edge_index else unmasked(self.up):
                up = self.up(lifted + state if self.skip else lifted, edges, weights)
            top = torch.where(live.index_select(0, of).unsqueeze(-1), up, state)
        return top


class GraphParsingNodeNetwork(UnpoolingBase):
    r"""Parses a graph, then goes back down to its nodes and classifies them.

    The node network of "Graph Parsing Networks", Song et al. 2024, arXiv:2402.14393. The levels are those of
    :class:`GraphParsingNetwork`. From the coarsest level down,
    :math:`h \leftarrow \mathrm{GNN}_3(S (h / q) + X_l, A_l)`, where q is the number of scores in the
    cluster's gate.

    Args:
        in_channels: width of the node features.
        hidden_channels: width d of every level.
        out_channels: classes or tasks.
        parts: layers of the perceptrons and convolutions, see :class:`ParsingParts`.
        up_layers: convolutions of GNN_3, "follow" for as many as GNN_2 has, or a number.
        edge_dropout: in the parse, see :class:`gpool.GraphParsing`.
        self_loops: whether a node may stay alone.
        ties, stop, weighted: see :class:`gpool.GraphParsing`. With ``stop="graph"``, the default, the output
            for a graph does not depend on the others in its batch; "batch" is the authors' rule.
        encoder: in place of the perceptron, called with (x, edge_index, edge_attr); of a list the last is
            taken.
        max_levels: stop after so many levels.

    Shape:
        - ``x`` [N, in_channels], ``edge_index`` [2, E] of undirected graphs, ``batch`` [N] -> [N,
          out_channels]. ``edge_attr`` is read by a given ``encoder``, and as weights [E] where ``weighted``.

    Raises:
        ValueError: an option is not one of those above; the graph is directed.

    >>> import torch
    >>> from gpool.models import GraphParsingNodeNetwork
    >>> net = GraphParsingNodeNetwork(3, hidden_channels=8, out_channels=2)
    >>> net(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]])).shape
    torch.Size([4, 2])
    """

    skip = True


class GraphParsingAutoencoder(UnpoolingBase):
    r"""Rebuilds node features from the coarsest level of a parsed graph.

    As :class:`GraphParsingNodeNetwork`, with the same arguments, but without the skip term :math:`X_l`: what
    comes out of a node has been through the coarsest level. ``out_channels`` is the width of what is rebuilt.

    Shape:
        - ``x`` [N, in_channels], ``edge_index`` [2, E] of undirected graphs, ``batch`` [N] -> [N,
          out_channels].

    >>> import torch
    >>> from gpool.models import GraphParsingAutoencoder
    >>> net = GraphParsingAutoencoder(3, hidden_channels=8, out_channels=3)
    >>> net(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]])).shape
    torch.Size([4, 3])
    """

    skip = False
