"""Scores of node pairs from the graph alone, for many pairs at once: the baselines of link prediction.

Every function takes an undirected graph as a :class:`gpool.link.Adjacency` and pairs [B, 2], and returns
float64 scores [B]; a higher score says that a link is likelier. They need scipy.

A self-loop makes no node its own neighbor: it counts in no score, in no degree, and no walk takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from gpool.ops.checks.parts import is_integer
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["adamic_adar", "common_neighbors", "katz", "personalized_pagerank", "resource_allocation"]

SPARSE = 0.05  # share of entries beyond which a dense product is faster
PAIRS = 1 << 14  # pairs at once: bounds the memory of the row products


def _matrix(graph: Adjacency) -> Any:
    """The adjacency matrix without self-loops."""
    from scipy.sparse import csr_matrix

    held = (torch.ones(graph.num_edges).double().numpy(), graph.col.numpy(), graph.rowptr.numpy())
    matrix = csr_matrix(held, shape=(graph.num_nodes, graph.num_nodes))
    own = torch.from_numpy(matrix.diagonal())
    if bool(own.any()):
        matrix = matrix - _diagonal(own)
        matrix.eliminate_zeros()
    return matrix


def _degree(matrix: Any) -> Tensor:
    return torch.from_numpy(matrix.sum(axis=1)).view(-1)


def _diagonal(entries: Tensor) -> Any:
    from scipy.sparse import diags

    return diags(entries.numpy()).tocsr()


def _shared(graph: Adjacency, pairs: Tensor, weight: Callable[[Tensor], Tensor]) -> Tensor:
    """The sum over common neighbors of a weight of their degree."""
    _check(graph, pairs)
    matrix = _matrix(graph)
    weighted = matrix @ _diagonal(weight(_degree(matrix)))
    out = [torch.zeros(0, dtype=torch.double)]
    for part in pairs.split(PAIRS):
        i, j = part.t().numpy()
        out.append(torch.from_numpy(weighted[i].multiply(matrix[j]).sum(axis=1)).view(-1))
    return torch.cat(out)


def common_neighbors(graph: Adjacency, pairs: Tensor) -> Tensor:
    """How many nodes are linked to both i and j.

    >>> import torch
    >>> square = Adjacency.from_edges(torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]), num_nodes=4)
    >>> common_neighbors(square, torch.tensor([[0, 2], [0, 1]])).tolist()
    [2.0, 0.0]
    """
    return _shared(graph, pairs, torch.ones_like)


def adamic_adar(graph: Adjacency, pairs: Tensor) -> Tensor:
    """Sum over the common neighbors of 1 / log(degree) (Adamic and Adar 2003); degree 1 counts nothing."""
    return _shared(graph, pairs, lambda d: torch.where(d > 1, 1 / d.clamp(min=2).log(), 0.0))


def resource_allocation(graph: Adjacency, pairs: Tensor) -> Tensor:
    """Sum over the common neighbors of 1 / degree (Zhou, Lü, Zhang 2009, arXiv:0901.0553)."""
    return _shared(graph, pairs, lambda d: 1 / d.clamp(min=1))


def katz(graph: Adjacency, pairs: Tensor, beta: float = 0.001, tolerance: float = 1e-12) -> Tensor:
    """Sum over lengths l >= 1 of beta^l times the number of walks of l steps from i to j (Katz 1953).

    The series is summed until what is left is below ``tolerance``; ``beta`` must be below 1 over the largest
    degree, which makes that sure. The walks start at the ends of one side, many at once, and are sparse
    matrices while they reach few nodes.

    Raises:
        ValueError: beta not in (0, 1 / largest degree).
    """
    _check(graph, pairs)
    matrix = _matrix(graph)
    largest = max(1.0, float(_degree(matrix).max())) if graph.num_nodes > 0 else 1.0
    if not 0.0 < beta < 1.0 / largest:
        raise ValueError(f"beta={beta} must be above 0 and below 1 / {largest:.0f}, the largest degree")
    if pairs[:, 1].unique().numel() < pairs[:, 0].unique().numel():
        pairs = pairs.flip(1)  # walks back are as many
    rate = beta * largest
    least = tolerance * (1 - rate) / rate  # no entry of a term is above the rate times the largest before
    out, step = torch.zeros(pairs.size(0), dtype=torch.double), beta * matrix
    for some, mine, column in _blocks(pairs):
        ends = pairs[mine, 1].numpy().copy(), column.numpy().copy()
        out[mine] = torch.from_numpy(_walks(step, some.numpy(), ends, least))
    return out


def _walks(step: Any, starts: Any, ends: Any, least: float) -> Any:
    """The sum over l >= 1 of step^l, symmetric, at (end, start), until no entry is above ``least``."""
    import numpy as np

    term, total = step[starts].T.tocsr(), np.zeros(len(ends[0]))
    while True:
        total += np.asarray(term[ends]).reshape(-1)
        if term.max() <= least:
            return total
        if not isinstance(term, np.ndarray) and term.nnz > SPARSE * term.shape[0] * term.shape[1]:
            term = term.toarray()
        term = step @ term


def personalized_pagerank(
    graph: Adjacency, pairs: Tensor, damping: float = 0.85, tolerance: float = 1e-10
) -> Tensor:
    """PageRank of j for a walker that starts again at i, plus that of i for one that starts again at j.

    With the probability ``damping`` it goes to a uniform neighbor, else back; a node without a link sends it
    back. The series is cut where what is left is below ``tolerance``.

    Raises:
        ValueError: damping not in (0, 1).
    """
    _check(graph, pairs)
    if not 0.0 < damping < 1.0:
        raise ValueError(f"damping={damping} must be between 0 and 1")
    matrix = _matrix(graph)
    degree = _degree(matrix)
    inverse = torch.where(degree > 0, 1.0 / degree.clamp(min=1), 0.0)
    step = damping * (matrix @ _diagonal(inverse))  # column u: from u to its neighbors
    dead = (degree == 0).double().unsqueeze(1).numpy() * damping
    terms, left = 0, 1.0
    while left > tolerance:
        terms, left = terms + 1, left * damping

    def rank(start: Any) -> Any:
        total = state = start
        for _ in range(terms):
            state = step @ state + start * (dead * state).sum(axis=0, keepdims=True)
            total = total + state
        return (1 - damping) * total

    return _columns(graph, pairs, rank) + _columns(graph, pairs.flip(1), rank)


def _columns(graph: Adjacency, pairs: Tensor, solve: Callable[[Any], Any], width: int = 256) -> Tensor:
    """solve(e_i)_j of every pair, ``width`` different i at once."""
    out = torch.zeros(pairs.size(0), dtype=torch.double)
    for some, mine, at in _blocks(pairs, width):
        column = torch.zeros(graph.num_nodes, some.numel(), dtype=torch.double)
        column[some, torch.arange(some.numel())] = 1.0
        out[mine] = torch.from_numpy(solve(column.numpy()))[pairs[mine, 1], at]
    return out


def _blocks(pairs: Tensor, width: int = 256) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """``width`` different starts, which pairs are theirs, and the number of each pair's start among them."""
    starts, which = pairs[:, 0].unique(return_inverse=True)
    for first in range(0, starts.numel(), width):
        mine = (which >= first) & (which < first + width)
        yield starts[first : first + width], mine, which[mine] - first


def _check(graph: Adjacency, pairs: Tensor) -> None:
    graph.check()
    if pairs.dim() != 2 or pairs.size(1) != 2 or not is_integer(pairs):
        raise ValueError(f"pairs of shape {tuple(pairs.shape)} and {pairs.dtype} must be [B, 2] of integers")
    if pairs.numel() > 0 and not 0 <= int(pairs.min()) <= int(pairs.max()) < graph.num_nodes:
        wrong = int(pairs.min()) if int(pairs.min()) < 0 else int(pairs.max())
        raise ValueError(f"pairs holds the unknown node {wrong}; ids must be 0 .. {graph.num_nodes - 1}")
