"""One level of a Graph Parsing Network."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gpool.ops.masks import positions
from gpool.ops.partition.clusters import label_clusters, parse, parse_merge
from gpool.ops.partition.edge_hash import edge_coins, refuse_directed
from gpool.ops.partition.quotient import REDUCE, quotient, sum_of_map
from gpool.ops.partition.ties import near
from gpool.ops.precision import widened
from gpool.ops.segment import Segments, segment_count, segment_sum
from gpool.pooling.base import Pooling
from gpool.pooling.layers import ResidualMLP
from gpool.pooling.pooled import Pooled
from gpool.pooling.scorer import ProductScorer

__all__ = ["GraphParsing"]


class GraphParsing(Pooling):
    r"""Every node follows its best edge; what hangs together becomes one node.

    From "Graph Parsing Networks", Song et al. 2024, arXiv:2402.14393. With H and H' the encoded features (x
    itself by default), :math:`c_{uv} = \sigma(\mathrm{MLP}(H_u \odot H_v))` scores every edge and each node
    points at its best neighbor; the clusters are the weakly connected components of these pointers, and

    .. math:: X'_c = g_c \, \rho\Big(\sum_{u \in c} \phi(H'_u)\Big), \qquad
              g_c = \sum_{(u,v) \text{ inside } c} c_{uv} \quad \text{(both directions)}.

    Two clusters are joined iff some edge joins their nodes. The scorer learns through the gate g alone, from
    the edges that ended up inside. The parse is one maximum per node and pointer jumping; it has no loop
    over clusters, nodes or graphs.

    Args:
        channels: width C.
        scorer: called with (h, u, v), gives a logit for each undirected edge; by default a perceptron of
            ``scorer_layers`` layers on the product.
        scorer_layers: layers of the default scorer.
        set_layers: layers of each of the set functions phi and rho.
        dropout: inside the scorer and the set functions.
        plain_last: no activation after the last layer of the set functions. A single layer never has one.
        encoder: gives H from (x, edge_index), or (x, edge_index, weights) with ``weighted``; x itself by
            default.
        set_encoder: gives H' likewise; H by default.
        ties: "lowest_id", a node with several best edges follows the one to the smallest id, as the authors'
            code does in evaluation; "merge", it follows all of them, and the partition does not depend on how
            nodes are numbered.
        stop: which graphs of a batch are left as they are, their features copied: "graph", those that did not
            shrink, so that no graph depends on its companions; "batch", the authors' rule: single nodes, and
            all when none shrank.
        gate: "sum" as above, "mean" over the inside edges, or "none" (the scorer then gets no gradient).
        weighted: give the coarse edges weights, the off-diagonal part of S^T A S; otherwise, where no
            ``edge_attr`` came in, none go out. Needs ``edge_attr`` to be weights [E] or None.
        reduce: how the attributes of edges between the same two clusters combine: "sum", "mean", "max",
            "min".
        self_loops: a node may also choose to stay alone, by the score of (u, u); a tie is lost to an edge.
        edge_dropout: in training, the share of the edges, both directions of one together, and of the
            self-loop candidates, that are left out of this level and of its coarse graph.
        check_symmetric: refuse a directed graph.

    Shape:
        - ``x`` [N, C], ``edge_index`` [2, E] of undirected graphs, ``edge_attr`` [E] or [E, D], ``batch`` [N]
          -> :class:`Pooled`, whose ``score`` [K] is the gate g and ``inside`` [K] the number of edges it
          sums. A node without edges becomes its own cluster with gate 1. An empty graph stays empty; a graph
          of one node is copied. Self-loops of the input are ignored; parallel edges count as often as they
          occur.

    Raises:
        ValueError: an option is not one of those above; the graph is directed (on a GPU an asynchronous
            device assertion); an argument of ``forward`` has the wrong shape.

    >>> import torch, gpool
    >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> out = gpool.GraphParsing(4)(torch.randn(3, 4), path)
    >>> out.cluster
    tensor([0, 0, 0])
    """

    def __init__(
        self,
        channels: int,
        *,
        scorer: nn.Module | None = None,
        scorer_layers: int = 2,
        set_layers: int = 1,
        dropout: float = 0.0,
        plain_last: bool = True,
        encoder: nn.Module | None = None,
        set_encoder: nn.Module | None = None,
        ties: Literal["lowest_id", "merge"] = "lowest_id",
        stop: Literal["graph", "batch"] = "graph",
        gate: Literal["sum", "mean", "none"] = "sum",
        weighted: bool = False,
        reduce: Literal["sum", "mean", "max", "min"] = "sum",
        self_loops: bool = False,
        edge_dropout: float = 0.0,
        check_symmetric: bool = True,
    ) -> None:
        super().__init__(channels)
        _one_of("ties", ties, ("lowest_id", "merge"))
        _one_of("stop", stop, ("graph", "batch"))
        _one_of("gate", gate, ("sum", "mean", "none"))
        _one_of("reduce", reduce, tuple(REDUCE))
        if not 0.0 <= edge_dropout < 1.0:
            raise ValueError(f"edge_dropout={edge_dropout} must lie in [0, 1)")
        self.scorer = (
            ProductScorer(channels, num_layers=scorer_layers, dropout=dropout) if scorer is None else scorer
        )
        self.phi = ResidualMLP(channels, num_layers=set_layers, dropout=dropout, plain_last=plain_last)
        self.rho = ResidualMLP(channels, num_layers=set_layers, dropout=dropout, plain_last=plain_last)
        self.set_layers, self.dropout, self.plain_last = set_layers, dropout, plain_last
        self.encoder = encoder
        self.set_encoder = set_encoder
        self.ties = ties
        self.stop = stop
        self.gate = gate
        self.weighted = weighted
        self.reduce = reduce
        self.self_loops = self_loops
        self.edge_dropout = edge_dropout
        self.check_symmetric = check_symmetric

    def reset_parameters(self) -> None:
        """Draw the parameters of all parts anew."""
        for part in (self.scorer, self.phi, self.rho, self.encoder, self.set_encoder):
            if part is not None and hasattr(part, "reset_parameters"):
                part.reset_parameters()  # type: ignore[operator]

    def pool(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, batch: Tensor, batch_size: int
    ) -> Pooled:
        """Parse the graphs into clusters and pool these."""
        if self.check_symmetric:
            refuse_directed(edge_index, x.size(0))
        if self.weighted:
            edge_attr = _weights(edge_attr, edge_index, x)
        h, content = self._encode(x, edge_index, edge_attr)
        keep, keep_own = self._drop(edge_index, x.size(0))
        once = edge_index[0] < edge_index[1]
        edge = positions(once if keep is None else once & keep)
        u, v = edge_index[0].index_select(0, edge), edge_index[1].index_select(0, edge)

        logit = self.scorer(h, u, v)
        within, logit = near(logit.dtype), widened(logit)
        own: Tensor | None = None
        if self.self_loops:
            node = torch.arange(x.size(0), device=x.device)
            own = widened(self.scorer(h, node, node))
            if keep_own is not None:
                own = own.masked_fill(~keep_own, -torch.inf)
        follow = parse if self.ties == "lowest_id" else parse_merge
        root = follow(logit.detach(), u, v, x.size(0), None if own is None else own.detach(), within)
        cluster, is_root = label_clusters(root)
        root = positions(is_root)
        coarse_batch = batch.index_select(0, root)

        score, inside = _gate(logit, own, u, v, cluster, root.numel())
        if self.gate == "mean":
            score = score / inside
        pooled = self.rho(sum_of_map(self.phi, content, cluster, root.numel()))
        if self.gate != "none":
            pooled = pooled * score.to(pooled.dtype).unsqueeze(-1)
        frozen = self._frozen(batch, coarse_batch, batch_size)
        score = torch.ones_like(score) if self.gate == "none" else score
        look = frozen.device.type == "cpu" and not torch.compiler.is_compiling()
        if not look or bool(frozen.any()):  # on a GPU it is cheaper not to look
            pooled = torch.where(frozen.unsqueeze(-1), x.index_select(0, root).to(pooled.dtype), pooled)
            score = score.masked_fill(frozen, 1.0)

        coarse = quotient(edge_index, cluster, root.numel(), edge_attr, self.reduce, keep)
        return Pooled(
            x=pooled,
            edge_index=coarse.edge_index,
            edge_attr=coarse.edge_attr,
            batch=coarse_batch,
            batch_size=batch_size,
            cluster=cluster,
            edge_cluster=coarse.edge_cluster,
            score=score,
            inside=inside,
        )

    def _encode(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None) -> tuple[Tensor, Tensor]:
        given = (x, edge_index, edge_attr) if self.weighted else (x, edge_index)
        h = x if self.encoder is None else self.encoder(*given)
        return h, h if self.set_encoder is None else self.set_encoder(*given)

    def _drop(self, edge_index: Tensor, num_nodes: int) -> tuple[Tensor | None, Tensor | None]:
        """Masks over edges [E] and self-loop candidates [N] of what takes part in this forward pass."""
        if not self.training or self.edge_dropout == 0.0:
            return None, None
        own = torch.rand(num_nodes, device=edge_index.device) >= self.edge_dropout
        return edge_coins(edge_index, 1.0 - self.edge_dropout), own

    def _frozen(self, batch: Tensor, coarse_batch: Tensor, batch_size: int) -> Tensor:
        """Mask [K] over the clusters whose features are those of their only node, unchanged."""
        before = segment_count(Segments(batch, batch_size))
        if self.stop == "graph":
            still = before == segment_count(Segments(coarse_batch, batch_size))
        else:
            unchanged = batch.numel() == coarse_batch.numel()
            still = (before == 1) | torch.full_like(before, unchanged, dtype=torch.bool)
        return still.index_select(0, coarse_batch)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.channels}, ties={self.ties!r}, stop={self.stop!r}, "
            f"gate={self.gate!r}, weighted={self.weighted}, reduce={self.reduce!r}, "
            f"self_loops={self.self_loops}, edge_dropout={self.edge_dropout})"
        )


def _gate(
    logit: Tensor, own: Tensor | None, u: Tensor, v: Tensor, cluster: Tensor, num_clusters: int
) -> tuple[Tensor, Tensor]:
    """Sum and number of the scores inside every cluster, both directions counted; 1 and 1 where none are."""
    home = Segments(cluster.index_select(0, u), num_clusters)
    within = home.segment == cluster.index_select(0, v)
    score = 2 * segment_sum(logit.sigmoid() * within, home)
    inside = 2 * segment_sum(within.long(), home)
    if own is not None:
        members = Segments(cluster, num_clusters)
        score = score + segment_sum(own.sigmoid(), members)
        inside = inside + segment_sum((own > -torch.inf).long(), members)
    alone = inside == 0
    return score.masked_fill(alone, 1.0), inside.masked_fill(alone, 1)


def _weights(edge_attr: Tensor | None, edge_index: Tensor, x: Tensor) -> Tensor:
    if edge_attr is None:
        return x.new_ones(edge_index.size(1))
    if edge_attr.dim() != 1:
        raise ValueError(
            f"edge_attr of shape {tuple(edge_attr.shape)} must be weights [E] where weighted=True; "
            f"features [E, D] are carried through by weighted=False"
        )
    return edge_attr


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, allowed))}")
