"""Enclosing subgraphs of many target links at once, in one breadth-first sweep over rows of neighbors."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gpool.ops.checks.parts import is_integer
from gpool.ops.masks import positions
from gpool.ops.sorted_keys import lookup, sort_values
from gpool.ops.splitmix import mix
from gpool.ops.subgraph._dense import dense_ball, dense_induce, dense_is_cheaper
from gpool.ops.subgraph._induce import induce, parts
from gpool.ops.subgraph.adjacency import Adjacency, expand
from gpool.ops.subgraph.record import EnclosingSubgraphs

__all__ = ["EnclosingSubgraphs", "enclosing_subgraphs", "iter_enclosing_subgraphs"]


def enclosing_subgraphs(
    graph: Adjacency,
    pairs: Tensor,
    num_hops: int = 2,
    cap: int | None = None,
    seed: int = 0,
    max_entries: int = 1 << 20,
) -> EnclosingSubgraphs:
    """The subgraph around every pair: nodes within ``num_hops`` of an end, edges among them, the target link.

    As in Pan, Shi, Dokmanic (arXiv:2110.04375): the target link is part of every record, in both directions,
    and marked as the target's own, whether the graph has it or not. Both ends are seeds of the search, so the
    nodes do not depend on it either.

    Args:
        graph: the observed graph.
        pairs: target links [B, 2]; the same pair may come twice, and gives two equal subgraphs.
        num_hops: k of the k-hop neighborhood, at least 1.
        cap: keep at most so many new nodes per hop, drawn uniformly.
        seed: of that draw, which depends on seed, pair, hop and node alone: not on the batch, its order or
            the worker.
        max_entries: neighbors read at once, which bounds the memory of the sweep (a single pair is never
            divided).

    Shape:
        - the nodes of a subgraph come in rising order of their ids, ``node``.

    A pair of nodes without any edge gives the two nodes and their link. No pair gives a record of none.

    Raises:
        ValueError: pairs that are not [B, 2], ids outside the graph, i = j; num_hops, cap or max_entries < 1;
            a graph that was made by hand and is not sound.

    >>> import torch
    >>> path = Adjacency.from_edges(torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]]), num_nodes=5)
    >>> record = enclosing_subgraphs(path, torch.tensor([[0, 1], [0, 3]]), num_hops=1)
    >>> record.node.tolist(), record.batch.tolist()
    ([0, 1, 2, 0, 1, 2, 3, 4], [0, 0, 0, 1, 1, 1, 1, 1])
    >>> record.node[record.target].tolist()
    [[0, 1], [0, 3]]
    """
    _check(graph, pairs, num_hops, cap, max_entries)
    pairs = pairs.long()
    members = _ball(graph, pairs, num_hops, cap, seed, max_entries)
    batch, node = members // graph.num_nodes, members % graph.num_nodes
    links = torch.arange(pairs.size(0), device=pairs.device).unsqueeze(1)
    target = lookup(members, links * graph.num_nodes + pairs)
    rows = graph.upward[0].index_select(0, node)
    if dense_is_cheaper(graph, int(rows[:, 1].sum()), pairs.size(0)):
        edges, order = dense_induce(graph, pairs, members)
    else:
        edges, order = induce(graph, target, batch, rows, max_entries)
    return EnclosingSubgraphs.from_reversed(edges, order, target, batch, node)


def iter_enclosing_subgraphs(
    graph: Adjacency,
    pairs: Tensor,
    batch_size: int,
    num_hops: int = 2,
    cap: int | None = None,
    seed: int = 0,
    max_entries: int = 1 << 20,
) -> Iterator[EnclosingSubgraphs]:
    """The records of ``batch_size`` pairs each, one after another: memory does not grow with the pairs.

    Raises:
        ValueError: as :func:`enclosing_subgraphs`, before the first record; batch_size < 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size} must be at least 1")
    _check(graph, pairs[:0], num_hops, cap, max_entries)
    for start in range(0, pairs.size(0), batch_size):
        yield enclosing_subgraphs(graph, pairs[start : start + batch_size], num_hops, cap, seed, max_entries)


def _check(graph: Adjacency, pairs: Tensor, num_hops: int, cap: int | None, max_entries: int) -> None:
    graph.check()
    if pairs.dim() != 2 or pairs.size(1) != 2 or not is_integer(pairs):
        raise ValueError(f"pairs of shape {tuple(pairs.shape)} and {pairs.dtype} must be [B, 2] of integers")
    for name, size in {
        "num_hops": num_hops,
        "cap": 1 if cap is None else cap,
        "max_entries": max_entries,
    }.items():
        if size < 1:
            raise ValueError(f"{name}={size} must be at least 1")
    wrong = ((pairs < 0) | (pairs >= graph.num_nodes)).any(1)
    if bool(wrong.any()):
        b = int(wrong.nonzero()[0, 0])
        raise ValueError(
            f"pairs[{b}] = {tuple(pairs[b].tolist())} holds an unknown node; "
            f"ids must be 0 .. {graph.num_nodes - 1}"
        )
    if bool((pairs[:, 0] == pairs[:, 1]).any()):
        b = int((pairs[:, 0] == pairs[:, 1]).nonzero()[0, 0])
        raise ValueError(
            f"pairs[{b}] = {tuple(pairs[b].tolist())} joins a node to itself; a target link needs i != j"
        )


def _ball(
    graph: Adjacency, pairs: Tensor, num_hops: int, cap: int | None, seed: int, max_entries: int
) -> Tensor:
    """Sorted keys pair * N + node of all members."""
    size, links = graph.num_nodes, torch.arange(pairs.size(0), device=pairs.device)
    frontier = (links.unsqueeze(1) * size + pairs).sort(1).values.view(-1)
    members = frontier
    for hop in range(num_hops):
        owner, node = frontier // size, frontier % size
        start = graph.rowptr[node]
        count = graph.rowptr[node + 1] - start
        if cap is None and dense_is_cheaper(graph, int(count.sum()), pairs.size(0)):
            return dense_ball(graph, members, pairs.size(0), num_hops - hop)
        found = []
        for part in parts(count, owner, max_entries):
            position, of = expand(start[part], count[part])
            found.append((owner[part] * size).index_select(0, of) + graph.col.index_select(0, position))
            if cap is not None:
                found[-1] = _draw(found[-1], members, _salt(pairs, seed, hop), size, cap)
            elif start[part].numel() < start.numel():  # one of many: keep no key twice
                found[-1] = torch.unique_consecutive(sort_values(found[-1]))
        members, frontier = _joined(members, torch.cat(found) if found else frontier[:0])
    return members


def _joined(members: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """The members and the keys together, sorted, each once; and those of them that were no members."""
    both = sort_values(torch.cat([members << 1, keys << 1 | 1]))
    key, is_new = both >> 1, (both & 1).bool()
    first = torch.ones_like(is_new)
    first[1:] = key[1:] != key[:-1]
    return key.index_select(0, positions(first)), key.index_select(0, positions(first & is_new))


def _new(keys: Tensor, members: Tensor) -> Tensor:
    """The keys that are no members yet, sorted, each once."""
    return _joined(members, keys)[1]


def _salt(pairs: Tensor, seed: int, hop: int) -> Tensor:
    return _hash(pairs.amin(1), _hash(pairs.amax(1), pairs.new_tensor(seed * 64 + hop)))


def _draw(keys: Tensor, members: Tensor, salt: Tensor, size: int, cap: int) -> Tensor:
    """At most ``cap`` new keys a pair: those of the smallest hash of the pair's salt and the node.

    Where a pair reads many more neighbors than that, most are ruled out by their hash before anything is
    sorted; should fewer than ``cap`` new ones be left, all are looked at after all.
    """
    owner = keys // size
    entries = torch.bincount(owner, minlength=salt.numel())
    dense = entries > 32 * cap
    few = keys
    if bool(dense.any()):
        bound = (8.0 * cap / entries.clamp(min=1) * 2.0**63).clamp(max=2.0**62).long()
        few = keys[(_hash(keys % size, salt[owner]) < bound[owner]) | ~dense[owner]]
    new = _new(few, members)
    if bool((torch.bincount(new // size, minlength=salt.numel())[dense] < cap).any()):
        new = _new(keys, members)
    owner = new // size
    count = torch.unique_consecutive(owner, return_counts=True)[1]
    over = (count > cap).repeat_interleave(count)
    if not bool(over.any()):
        return new
    many, owner, count = new[over], owner[over], count[count > cap]
    order = _hash(many % size, salt[owner]).argsort()
    order = order[owner[order].argsort(stable=True)]
    rank = torch.arange(many.numel(), device=keys.device) - (count.cumsum(0) - count).repeat_interleave(count)
    return sort_values(torch.cat([new[~over], many[order[rank < cap]]]))


def _hash(x: Tensor, salt: Tensor) -> Tensor:
    """A well-mixed 63-bit number of two."""
    return mix((x + 1) * -7046029254386353131 + salt * 0x632BE59BD9B4E019) & ((1 << 63) - 1)
