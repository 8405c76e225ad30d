"""Graph Parsing Networks: for graphs, for nodes, and to reconstruct the input."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal, cast

import torch
from torch import Tensor, nn

from gpool.models.explain import unmasked
from gpool.models.residual_gcn import ResidualGCN
from gpool.ops.checks.graphs import check_features, check_graph
from gpool.ops.partition.quotient import lift
from gpool.ops.segment import segment_count, segment_mean, segment_sum
from gpool.pooling import GraphParsing, Pooled, ProductScorer
from gpool.pooling.layers import MLP

__all__ = ["GraphParsingNetwork"]


class GraphParsingNetwork(nn.Module):
    r"""Parses every graph into as many levels as it needs, one set of weights for all of them.

    From "Graph Parsing Networks", Song et al. 2024, arXiv 2402.14393. A perceptron encodes the nodes, then
    :class:`gpool.GraphParsing` is applied until nothing shrinks; that takes at most log2 of the largest
    graph's size levels where self-loops are no candidates. By ``task``:

    - ``"graph"``: what is left of a graph is summed and classified.
    - ``"node"``: from the coarsest level down, :math:`h \leftarrow \mathrm{GNN}_3(S (h / q) + X_l, A_l)`,
    with q the
      number of scores that the gate of a cluster adds up; then the nodes are classified.
    - ``"reconstruction"``: the same without the skip term :math:`X_l`, so that what comes out of a node has
      been through the coarsest level; ``out_channels`` is then the width of the input.

    Args:
        in_channels: width of the node features.
        hidden_channels: width d of every level.
        out_channels: classes, tasks, or what is to be reconstructed.
        task: see above.
        score_layers: graph convolutions before the scores, GNN_1.
        set_encoder: convolutions before the set functions, GNN_2: "share" for GNN_1's output, "follow" for as
            many with weights of their own, or a number; 0 takes the level's input itself.
        up_layers: convolutions of GNN_3, "follow" for as many as GNN_2 has, or a number.
        scorer_layers, set_layers, encoder_layers: layers of the perceptron on edges, of each set function,
            and of the encoder and the head each.
        act_final: the last layer of encoder, set functions and convolutions gets its activation too; never
            the scorer's, nor the head's.
        dropout: everywhere but in the parse.
        edge_dropout: in the parse, see :class:`gpool.GraphParsing`.
        self_loops: whether a node may stay alone; by default it may where the task is not "graph".
        ties, stop, weighted: see :class:`gpool.GraphParsing`. With "graph", the default, a graph's output
            does not depend on the others in its batch; "batch" is the authors' rule.
        readout: "sum" as above, or "level_mean", the sum over a graph's levels of the mean of its nodes,
            which the authors use for the OGB molecules.
        encoder: in place of the perceptron, called with (x, edge_index, edge_attr); of a list the last is
            taken.
        max_levels: stop after so many levels.

    Shape:
        ``x`` [N, in_channels], ``edge_index`` [2, E] of undirected graphs, ``batch`` [N] -> [B,
        out_channels], or [N, out_channels] for the other tasks. ``edge_attr`` is read by a given
        ``encoder``, and as weights [E] where ``weighted``. An empty graph sums to zero; a graph of one node
        is its encoding.

    Raises:
        ValueError: an option is not one of those above; the graph is directed.

    >>> import torch
    >>> from gpool.models import GraphParsingNetwork
    >>> net = GraphParsingNetwork(3, 8, out_channels=2)
    >>> net(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]]), batch=torch.tensor([0, 0, 1, 1])).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 128,
        out_channels: int = 2,
        task: Literal["graph", "node", "reconstruction"] = "graph",
        score_layers: int = 2,
        set_encoder: Literal["share", "follow"] | int = "share",
        up_layers: Literal["follow"] | int = "follow",
        scorer_layers: int = 2,
        set_layers: int = 1,
        encoder_layers: int = 2,
        act_final: bool = False,
        dropout: float = 0.0,
        edge_dropout: float = 0.0,
        self_loops: bool | None = None,
        ties: Literal["lowest_id", "merge"] = "lowest_id",
        stop: Literal["graph", "batch"] = "graph",
        weighted: bool = False,
        readout: Literal["sum", "level_mean"] = "sum",
        encoder: nn.Module | None = None,
        max_levels: int | None = None,
    ) -> None:
        super().__init__()
        if task not in ("graph", "node", "reconstruction"):
            raise ValueError(f"task={task!r} must be 'graph', 'node' or 'reconstruction'")
        if readout not in ("sum", "level_mean"):
            raise ValueError(f"readout={readout!r} must be 'sum' or 'level_mean'")
        if isinstance(set_encoder, str) and set_encoder not in ("share", "follow"):
            raise ValueError(f"set_encoder={set_encoder!r} must be 'share', 'follow' or a number of layers")
        width = hidden_channels
        set_depth = score_layers if isinstance(set_encoder, str) else set_encoder
        up_depth = set_depth if up_layers == "follow" else up_layers
        self.task = task
        self.readout = readout
        self.max_levels = max_levels
        self.encoder = encoder
        if encoder is None:
            self.embed = MLP(in_channels, width, width, encoder_layers, dropout, act_final)
        self.parse = GraphParsing(
            width,
            scorer=ProductScorer(width, scorer_layers, dropout),
            set_layers=set_layers,
            dropout=dropout,
            act_final=act_final,
            encoder=ResidualGCN(width, score_layers, dropout, act_final),
            set_encoder=None if set_encoder == "share" else ResidualGCN(width, set_depth, dropout, act_final),
            ties=ties,
            stop=stop,
            weighted=weighted,
            self_loops=task != "graph" if self_loops is None else self_loops,
            edge_dropout=edge_dropout,
        )
        self.up = None if task == "graph" else ResidualGCN(width, up_depth, dropout, act_final)
        self.head = MLP(width, width, out_channels, encoder_layers, dropout)

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
        if batch is None:
            batch, batch_size = edge_index.new_zeros(x.size(0)), 1
        elif batch_size is None:
            batch_size = int(batch.max()) + 1 if batch.numel() > 0 else 0
        weight = edge_attr if self.parse.weighted else None
        h = self.encode(x, edge_index, edge_attr)
        levels = self.levels(h, edge_index, weight, batch, batch_size)
        if self.task == "graph":
            return torch.as_tensor(self.head(self.read(h, batch, levels, batch_size)))
        return torch.as_tensor(self.head(self._descend(h, edge_index, weight, batch, levels, batch_size)))

    def read(self, h: Tensor, batch: Tensor, levels: list[Pooled], batch_size: int) -> Tensor:
        """One vector a graph, [B, d], from the states before the first level and from the levels.

        With ``stop="graph"`` a graph is read where it first did not shrink, even if in training, where edges
        are dropped at random, it would shrink at a later level.
        """
        reduce = segment_sum if self.readout == "sum" else segment_mean
        total = reduce(h, batch, dim_size=batch_size)
        for level, live in zip(levels, self._live(batch, levels, batch_size), strict=True):
            value = reduce(level.x, level.batch, dim_size=batch_size)
            value = value if self.readout == "sum" else total + value
            total = torch.where(live.unsqueeze(-1), value, total)
        return total

    def _live(self, batch: Tensor, levels: list[Pooled], batch_size: int) -> list[Tensor]:
        """For every level which graphs [B] take part in it: with ``stop="graph"`` those that have shrunk at
        every level so far.
        """
        live = torch.ones(batch_size, dtype=torch.bool, device=batch.device)
        size, found = segment_count(batch, dim_size=batch_size), []
        for level in levels:
            before, size = size, segment_count(level.batch, dim_size=batch_size)
            if self.parse.stop == "graph":
                live = live & (size < before)
            found.append(live)
        return found

    def _descend(
        self,
        h: Tensor,
        edge_index: Tensor,
        weight: Tensor | None,
        batch: Tensor,
        levels: list[Pooled],
        batch_size: int,
    ) -> Tensor:
        """From the coarsest level to the nodes, [N, d]; a graph joins at the last level it takes part in."""
        assert self.up is not None
        if not levels:
            return h
        below = [
            (h, edge_index, weight, batch),
            *((level.x, level.edge_index, level.edge_attr, level.batch) for level in levels[:-1]),
        ]
        top = levels[-1].x
        steps = list(zip(levels, below, self._live(batch, levels, batch_size), strict=True))
        for level, (state, edges, weights, of), live in reversed(steps):
            assert level.inside is not None
            lifted = lift(top / level.inside.to(top.dtype).unsqueeze(-1), level.cluster)
            with nullcontext() if edges is edge_index else unmasked(self.up):
                up = self.up(lifted + state if self.task == "node" else lifted, edges, weights)
            top = torch.where(live.index_select(0, of).unsqueeze(-1), up, state)
        return top
