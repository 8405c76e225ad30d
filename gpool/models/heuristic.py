"""A heuristic of :mod:`gpool.link.heuristics` in the place of a model, so that a benchmark compares both."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["HeuristicModel"]


class HeuristicModel(nn.Module):
    """Scores pairs by a function of the observed graph and the pairs; it has nothing to train.

    The graph is read again for every batch: take batches as large as the part.

    Args:
        score: such as :func:`gpool.link.heuristics.adamic_adar`.

    Shape:
        - a :class:`LinkBatch` with ``edge_index`` -> [B], float64 scores.
    """

    def __init__(self, score: Callable[[Adjacency, Tensor], Tensor]) -> None:
        super().__init__()
        self.score = score

    def forward(self, batch: LinkBatch) -> Tensor:
        """Scores of the pairs, [B] in float64."""
        if batch.edge_index is None:
            raise ValueError(
                "batch has no edge_index; a heuristic reads the whole graph (Links(neighborhood=None))"
            )
        graph = Adjacency.from_edges(batch.edge_index.cpu(), batch.x.size(0))
        return self.score(graph, batch.pairs.cpu()).to(batch.x.device)
