"""Pairs to rank, block by block: all that are not linked, those with a common neighbor, the best of these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gpool.data.links.graph import LinkGraph
from gpool.link.best import Best
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["AllPairs", "BestBy", "Candidates", "GivenPairs", "TwoHop", "candidates_of"]

LARGE = 10_000  # nodes, beyond which all pairs must be asked for by AllPairs(limit=None)


class Candidates(ABC):
    """Makes the pairs to be ranked, so that they are never all in memory."""

    @abstractmethod
    def blocks(self, graph: LinkGraph, size: int) -> Iterator[Tensor]:
        """Pairs [., 2] of positions in blocks of ``size``, the last one smaller."""

    def count(self, graph: LinkGraph) -> int | None:
        """How many pairs there are; None where only going through them tells."""
        return None


@dataclass(frozen=True)
class GivenPairs(Candidates):
    """Pairs of positions [P, 2], in their order."""

    pairs: Tensor

    def blocks(self, graph: LinkGraph, size: int) -> Iterator[Tensor]:
        """The pairs, cut up."""
        return (block for block in self.pairs.split(size) if block.size(0) > 0)

    def count(self, graph: LinkGraph) -> int:
        """P."""
        return self.pairs.size(0)


@dataclass(frozen=True)
class AllPairs(Candidates):
    """All pairs i < j that are not linked, in rising order.

    Args:
        limit: nodes of the largest graph; None: any, though their pairs grow with the square of the nodes.

    Raises:
        ValueError: a larger graph.
    """

    limit: int | None = LARGE

    def blocks(self, graph: LinkGraph, size: int) -> Iterator[Tensor]:
        """The pairs; a row of the adjacency matrix is in memory at a time."""
        self._check(graph)
        nodes = graph.num_nodes
        ends = torch.bincount(graph.pairs[:, 0], minlength=nodes).tolist()
        held = graph.pairs[:, 1].split(ends)

        def row(i: int) -> Tensor:
            free = torch.ones(nodes - i - 1, dtype=torch.bool)
            free[held[i] - i - 1] = False
            j = free.nonzero().view(-1) + i + 1
            return torch.stack([torch.full_like(j, i), j], dim=1)

        return _joined((row(i) for i in range(nodes)), size)

    def count(self, graph: LinkGraph) -> int:
        """N (N - 1) / 2 without the links."""
        self._check(graph)
        return graph.num_nodes * (graph.num_nodes - 1) // 2 - graph.pairs.size(0)

    def _check(self, graph: LinkGraph) -> None:
        if self.limit is not None and graph.num_nodes > self.limit:
            raise ValueError(
                f"the graph has {graph.num_nodes} nodes and {graph.num_nodes * (graph.num_nodes - 1) // 2} "
                "pairs; name those to predict, or take pairs='two-hop', BestBy(heuristic) or "
                "AllPairs(limit=None)"
            )


@dataclass(frozen=True)
class TwoHop(Candidates):
    """The pairs i < j with a common neighbor that are not linked, in rising order.

    Args:
        rows: nodes i at once, which bounds the memory.
    """

    rows: int = 256

    def blocks(self, graph: LinkGraph, size: int) -> Iterator[Tensor]:
        """The pairs, from products of rows of the adjacency matrix."""
        matrix = _matrix(graph)

        def some(first: int) -> Tensor:
            held = matrix[first : first + self.rows]
            both = (held @ matrix).tocoo()
            i, j = (torch.from_numpy(x.astype("int64")) for x in (both.row, both.col))
            key, nodes = i * graph.num_nodes + j, graph.num_nodes
            one = held.tocoo()
            linked = torch.from_numpy(one.row.astype("int64") * nodes + one.col.astype("int64"))
            key = key[(j > i + first) & ~torch.isin(key, linked)].sort().values
            return torch.stack([key // nodes + first, key % nodes], dim=1)

        return _joined((some(first) for first in range(0, graph.num_nodes, self.rows)), size)


@dataclass(frozen=True)
class BestBy(Candidates):
    """The best pairs by a heuristic among those with a common neighbor, by falling score.

    Args:
        score: such as :func:`gpool.link.resource_allocation`, of the whole graph.
        number: how many.
        among: whose pairs; None: :class:`TwoHop`.
    """

    score: Callable[[Adjacency, Tensor], Tensor]
    number: int = 100_000
    among: Candidates | None = None

    def blocks(self, graph: LinkGraph, size: int) -> Iterator[Tensor]:
        """The pairs, once all have been scored."""
        adjacency = Adjacency.from_edges(graph.pairs.t(), graph.num_nodes)
        best = Best(self.number)
        for block in (self.among or TwoHop()).blocks(graph, 1 << 18):
            best.add(self.score(adjacency, block), block)
        return (block for block in best.pairs.split(size) if block.size(0) > 0)


def candidates_of(pairs: Any, graph: LinkGraph) -> Candidates:
    """What ``pairs`` of :meth:`gpool.training.LinkTask.predict` stands for.

    Raises:
        ValueError: another word, an unknown id, i = j.
    """
    if isinstance(pairs, Candidates):
        return pairs
    if pairs is None or isinstance(pairs, str):
        words: dict[str | None, Candidates] = {None: AllPairs(), "all": AllPairs(), "two-hop": TwoHop()}
        if pairs not in words:
            raise ValueError(
                f"pairs={pairs!r} must be 'all', 'two-hop', candidates or a list of pairs of ids"
            )
        return words[pairs]
    return GivenPairs(graph.position(pairs))


def _joined(parts: Iterator[Tensor], size: int) -> Iterator[Tensor]:
    """Parts of any length as blocks of ``size``."""
    held: list[Tensor] = []
    have = 0
    for part in parts:
        held.append(part)
        have += part.size(0)
        if have >= size:
            *full, rest = torch.cat(held).split(size)
            if rest.size(0) == size:
                full, rest = [*full, rest], rest[:0]
            yield from full
            held, have = [rest], rest.size(0)
    if have > 0:
        yield torch.cat(held)


def _matrix(graph: LinkGraph) -> Any:
    import numpy as np
    from scipy.sparse import coo_matrix

    i, j = graph.pairs.t().numpy()
    ends = np.concatenate([i, j]), np.concatenate([j, i])
    ones = np.ones(2 * i.size, dtype=np.int32)
    return coo_matrix((ones, ends), shape=(graph.num_nodes,) * 2).tocsr()
