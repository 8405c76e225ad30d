"""Contraction of the best edges: a matching of them, or all of them at once."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gpool.ops.masks import positions
from gpool.ops.partition.clusters import components, label_clusters, matching
from gpool.ops.partition.quotient import REDUCE, quotient
from gpool.ops.partition.ties import near
from gpool.ops.partition.topk import keep_count, topk_select
from gpool.ops.precision import widened
from gpool.ops.segment import Segments, segment_count, segment_softmax, segment_sum
from gpool.pooling.base import Pooling
from gpool.pooling.pooled import Pooled
from gpool.pooling.scorer import ConcatScorer

__all__ = ["EdgeContraction"]


class EdgeContraction(Pooling):
    r"""Contracts the edges that score best; a cluster's features are the gated sum of its nodes'.

    With ``merge="matching"`` as in "Edge Contraction Pooling for Graph Neural Networks", Diehl 2019,
    arXiv:1905.10990: edges are taken by falling score unless an end was taken before, so that clusters are
    pairs and single nodes. All edges that are the best at both of their ends are taken at once, which gives
    the same matching as the sequential pass (Blelloch, Fineman and Shun, arXiv:1202.3205). With
    ``merge="components"`` as the face clustering of "Primal-Dual Mesh Convolutional Neural Networks", Milano
    et al. 2020, arXiv:2010.12455: the best edges are all contracted, and clusters are their connected
    components.

    .. math:: s_{uv} = f(w^\top [x_u \| x_v] + b) + a, \qquad X'_c = g_c \sum_{u \in c} x_u,

    g the mean score of the contracted edges of the cluster, 1 where there is none.

    Args:
        channels: width C.
        merge: "matching" or "components".
        scorer: called with (x, source, target), gives a logit for each directed edge; linear in both ends by
            default.
        score: f: "softmax" over the edges into one node, "tanh" or "sigmoid".
        add_to_score: a, which keeps the gate away from zero.
        contract: the share of the edges of every graph, the best ones, that may be contracted; 1.0 by default
            for a matching. Components percolate: a quarter of the edges can join nearly all nodes, so that
            their default is 0.1.
        threshold: only edges that score more than this, by more than rounding, may be contracted.
        gate: multiply by g; otherwise the scorer gets no gradient.
        reduce: how the attributes of edges between the same two clusters combine: "sum", "mean", "max",
            "min".

    Shape:
        - ``x`` [N, C], ``edge_index`` [2, E], directed or not, ``edge_attr`` [E] or [E, D], ``batch`` [N] ->
          :class:`Pooled`, whose ``score`` [K] is the gate and ``inside`` [K] the number of edges it is the
          mean of (1 where there is none). A node without edges stays. An empty graph stays empty, a graph of
          one node stays as it is. Self-loops are ignored; of parallel edges the best counts in a matching.
          Equal scores (to :func:`gpool.ops.partition.ties.near`) go by position in ``edge_index``.

    Raises:
        ValueError: an option is not one of those above; an argument of ``forward`` has the wrong shape.

    >>> import torch, gpool
    >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> gpool.EdgeContraction(4)(torch.randn(3, 4), path).num_nodes
    2
    """

    def __init__(
        self,
        channels: int,
        *,
        merge: Literal["matching", "components"] = "matching",
        scorer: nn.Module | None = None,
        score: Literal["softmax", "tanh", "sigmoid"] = "softmax",
        add_to_score: float = 0.5,
        contract: float | None = None,
        threshold: float | None = None,
        gate: bool = True,
        reduce: Literal["sum", "mean", "max", "min"] = "sum",
    ) -> None:
        super().__init__(channels)
        if merge not in ("matching", "components"):
            raise ValueError(f"merge={merge!r} must be 'matching' or 'components'")
        if score not in ("softmax", "tanh", "sigmoid"):
            raise ValueError(f"score={score!r} must be 'softmax', 'tanh' or 'sigmoid'")
        if reduce not in REDUCE:
            raise ValueError(f"reduce={reduce!r} must be one of {', '.join(map(repr, REDUCE))}")
        if contract is None:
            contract = 1.0 if merge == "matching" else 0.1
        if not 0.0 <= contract <= 1.0:
            raise ValueError(f"contract={contract} is a share of the edges and must lie in [0, 1]")
        self.merge = merge
        self.scorer = ConcatScorer(channels) if scorer is None else scorer
        self.score = score
        self.add_to_score = add_to_score
        self.contract = float(contract)
        self.threshold = threshold
        self.gate = gate
        self.reduce = reduce

    def reset_parameters(self) -> None:
        """Draw the parameters of the scorer anew."""
        if hasattr(self.scorer, "reset_parameters"):
            self.scorer.reset_parameters()  # type: ignore[operator]

    def pool(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, batch: Tensor, batch_size: int
    ) -> Pooled:
        """Contract the best edges."""
        source, target = edge_index[0], edge_index[1]
        score, within = self._score(x, source, target)
        chosen = self._candidates(score.detach(), within, source, target, batch, batch_size)  # best first
        u, v = source.index_select(0, chosen), target.index_select(0, chosen)
        if self.merge == "matching":
            pair = matching(torch.arange(chosen.numel(), device=x.device), u, v, x.size(0))
            chosen, u, v = chosen.index_select(0, pair), u.index_select(0, pair), v.index_select(0, pair)
            node = torch.arange(x.size(0), device=x.device)
            root = node.scatter(0, torch.maximum(u, v), torch.minimum(u, v))
        else:
            root = components(u, v, x.size(0))
        cluster, is_root = label_clusters(root)
        coarse_batch = batch.index_select(0, positions(is_root))
        num_clusters = coarse_batch.numel()

        home = Segments(cluster.index_select(0, u), num_clusters)
        inside = segment_count(home)
        gate = segment_sum(score.index_select(0, chosen), home) / inside.clamp(min=1)
        gate = gate.masked_fill(inside == 0, 1.0) if self.gate else torch.ones_like(gate)
        pooled = segment_sum(x, Segments(cluster, num_clusters)) * gate.to(x.dtype).unsqueeze(-1)
        coarse = quotient(edge_index, cluster, num_clusters, edge_attr, self.reduce)
        return Pooled(
            x=pooled,
            edge_index=coarse.edge_index,
            edge_attr=coarse.edge_attr,
            batch=coarse_batch,
            batch_size=batch_size,
            cluster=cluster,
            edge_cluster=coarse.edge_cluster,
            score=gate,
            inside=inside.clamp(min=1),
        )

    def _score(self, x: Tensor, source: Tensor, target: Tensor) -> tuple[Tensor, float]:
        """Score of every edge [E], and the relative difference within which two of them tie."""
        logit = self.scorer(x, source, target)
        within = near(logit.dtype)
        logit = widened(logit)
        if self.score == "softmax":
            logit = logit.masked_fill(source == target, -torch.inf)  # self-loops have no share
            value = segment_softmax(logit, Segments(target, x.size(0)))
        else:
            value = logit.tanh() if self.score == "tanh" else logit.sigmoid()
        return value + self.add_to_score, within

    def _candidates(
        self, score: Tensor, within: float, source: Tensor, target: Tensor, batch: Tensor, batch_size: int
    ) -> Tensor:
        """Ids of the edges that may be contracted, best first within a graph."""
        allowed = source != target
        if self.threshold is not None:
            allowed = allowed & (score - score.abs().clamp(min=1.0) * within > self.threshold)
        edge = positions(allowed)
        graph = batch.index_select(0, source.index_select(0, edge))
        graphs = Segments(graph, batch_size)
        size = segment_count(graphs)
        count = keep_count(size, self.contract) if self.contract > 0 else torch.zeros_like(size)
        return edge.index_select(
            0, topk_select(score.index_select(0, edge), graphs, count, batch_size, within)
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, merge={self.merge!r}, contract={self.contract})"
