"""Subgraphs that hold much of a small graph: eight at once, a bit of each, over the whole list of edges."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gpool.ops.sorted_keys import memory_of
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["dense_ball", "dense_induce", "dense_is_cheaper"]

Bits = np.ndarray  # uint8: bit b of word w is of subgraph 8 w + b
COUNT = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1)  # bits of every byte
LOOK = 4  # how many entries of the whole list are passed over in the time of one that is looked up


def dense_is_cheaper(graph: Adjacency, entries: int, links: int) -> bool:
    """Whether to pass over all edges of the graph, in place of ``entries`` of them for so many links."""
    if entries * LOOK < (graph.num_edges + graph.num_nodes) * links or graph.num_edges == 0:
        return False
    return graph.col.device.type == "cpu" and memory_of(graph.col) is not None


def _words(members: Tensor, links: int, size: int) -> Bits:
    """[words, N]."""
    words = -(-links // 8)
    inside = np.zeros((words, 8, size), np.uint8)
    inside.reshape(-1)[members.numpy()] = 1
    return np.packbits(inside, axis=1, bitorder="little")[:, 0]


def dense_ball(graph: Adjacency, members: Tensor, links: int, num_hops: int) -> Tensor:
    """Sorted keys pair * N + node of all nodes within ``num_hops`` of the members."""
    words = _words(members, links, graph.num_nodes)
    rowptr, col = graph.rowptr.numpy(), graph.col.numpy()
    filled = np.flatnonzero(np.diff(rowptr))
    begin = rowptr[filled]
    for word in words:
        for _ in range(num_hops):
            word[filled] |= np.bitwise_or.reduceat(word.take(col), begin)
    inside = np.unpackbits(words[:, None], axis=1, bitorder="little")
    return torch.from_numpy(np.flatnonzero(inside.view(np.bool_)))


def dense_induce(graph: Adjacency, pairs: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """Edges [2, E] among the members, sorted by destination and source, and where the reverse of each is.

    The target link is among them, whether the graph has it or not.
    """
    links, size = pairs.size(0), graph.num_nodes
    row, col, reverse, added, of_added = _with_targets(graph, pairs.numpy())
    words = _words(members, links, size)
    inside = [word.take(row) & word.take(col) for word in words]
    for word, own in zip(inside, of_added, strict=True):
        word[added] = own
    node, begin = members.numpy() % size, np.searchsorted(members.numpy(), np.arange(links + 1) * size)
    place, every, rank, some = (
        np.empty(size, np.int64),
        np.arange(row.size),
        *np.empty((2, row.size), np.int64),
    )
    out, done = np.empty((3, sum(int(COUNT.take(word).sum()) for word in inside)), np.int64), 0
    for b in range(links):
        place[node[begin[b] : begin[b + 1]]] = np.arange(begin[b], begin[b + 1])
        kept = np.flatnonzero((inside[b // 8] >> np.uint8(b % 8) & np.uint8(1)).view(np.bool_))
        rank[kept] = every[: kept.size]
        source, destination, order = out[:, done : done + kept.size]
        for ids, of, to in ((col, place, source), (row, place, destination), (reverse, rank, order)):
            of.take(ids.take(kept, out=some[: kept.size], mode="clip"), out=to, mode="clip")
        order += done
        done += kept.size
    made = torch.from_numpy(out)
    return made[:2], made[2]


def _with_targets(graph: Adjacency, pairs: np.ndarray) -> tuple[np.ndarray, ...]:
    """Row, column and reverse of every edge, those pairs among them that the graph lacks.

    Also the places of the latter, and the bits [words, added] of the subgraphs that each is the target of.
    """
    row, col, reverse, size = graph.row.numpy(), graph.col.numpy(), graph.reverse.numpy(), graph.num_nodes
    wanted, edges = np.concatenate([pairs, pairs[:, ::-1]]) @ np.array([size, 1]), graph.keys.numpy()
    missing = edges.take(np.searchsorted(edges, wanted), mode="clip") != wanted
    added, which = np.unique(wanted[missing], return_inverse=True)
    number = np.tile(np.arange(len(pairs)), 2)[missing]
    own = np.zeros((-(-len(pairs) // 8), added.size), np.uint8)
    np.bitwise_or.at(own, (number // 8, which), np.uint8(1) << (number % 8).astype(np.uint8))
    if added.size == 0:
        return row, col, reverse, added, own
    before = np.searchsorted(edges, added)
    new = before + np.arange(added.size)
    old = np.arange(row.size) + np.bincount(before, minlength=row.size + 1).cumsum()[:-1]

    def merged(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        out = np.empty(old.size + new.size, np.int64)
        out[old], out[new] = one, other
        return out

    back = new[np.searchsorted(added, added % size * size + added // size)]
    return merged(row, added // size), merged(col, added % size), merged(old[reverse], back), new, own
