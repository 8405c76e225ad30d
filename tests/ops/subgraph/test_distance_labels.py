"""Distances and double-radius labels against a breadth-first search of one subgraph at a time."""

from __future__ import annotations

from collections import deque

import pytest
import torch
from torch import Tensor

from gpool.ops.subgraph.distance_labels import distances, drnl
from gpool.ops.subgraph.record import EnclosingSubgraphs

SEEDS = range(12)


def search(edges: set[tuple[int, int]], start: int, without: int) -> dict[int, int]:
    """Hops from ``start`` to every node it reaches, when the node ``without`` is left out."""
    hops, queue = {start: 0}, deque([start])
    while queue:
        u = queue.popleft()
        for a, b in edges:
            if a == u and b not in hops and b != without:
                hops[b] = hops[u] + 1
                queue.append(b)
    return hops


def random_record(seed: int, sizes: tuple[int, ...] = (2, 9, 5, 12)) -> tuple[EnclosingSubgraphs, list]:
    """A record of sparse random graphs, some with parts that no path reaches, and (edges, i, j) of each."""
    g = torch.Generator().manual_seed(seed)
    columns, target, batch, parts, first = [], [], [], [], 0
    for b, n in enumerate(sizes):
        i, j = (first + torch.randperm(n, generator=g)[:2]).tolist()
        ends = (first + torch.randint(n, (n, 2), generator=g)).tolist()
        edges = {(u, v) for u, v in ends if u != v and {u, v} != {i, j}}
        edges |= {(v, u) for u, v in edges}
        columns += [*sorted(edges), (i, j), (j, i)]
        target += [False] * len(edges) + [True, True]
        batch += [b] * n
        parts.append((edges, range(first, first + n)))
        first += n
    order = torch.randperm(len(columns), generator=g)
    edge_index, is_target = torch.tensor(columns).t()[:, order], torch.tensor(target)[order]
    record = EnclosingSubgraphs.from_edges(edge_index, is_target, torch.tensor(batch))
    return record, parts


def label(x: int, y: int) -> int:
    """The place of {x, y} among pairs of distances sorted by x + y, then min(x, y); 0 if one is missing."""
    if x < 0 or y < 0:
        return 0
    pairs = sorted({(a + b, min(a, b)) for a in range(1, x + y + 1) for b in range(1, x + y + 1)})
    return 2 + pairs.index((x + y, min(x, y)))


@pytest.mark.parametrize("seed", SEEDS)
def test_distances_are_those_of_a_search(seed: int) -> None:
    record, parts = random_record(seed)
    found = distances(record)
    for (edges, nodes), (i, j) in zip(parts, record.target.tolist(), strict=True):
        left, right = search(edges, i, without=j), search(edges, j, without=i)
        assert found[nodes.start : nodes.stop].tolist() == [
            [left.get(v, -1), right.get(v, -1)] for v in nodes
        ]


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_number_the_pairs_of_distances(seed: int) -> None:
    record, parts = random_record(seed)
    hops, labels = distances(record).tolist(), drnl(record).tolist()
    for (_, nodes), ends in zip(parts, record.target.tolist(), strict=True):
        assert [labels[v] for v in nodes] == [1 if v in ends else label(*hops[v]) for v in nodes]


def test_labels_do_not_depend_on_the_order_of_the_ends() -> None:
    path = [(0, 1), (1, 2), (2, 3), (1, 4)]
    edges = torch.tensor([*path, *((v, u) for u, v in path), (0, 3), (3, 0)]).t()
    target = torch.tensor([False] * 8 + [True] * 2)
    mirror = torch.tensor([3, 2, 1, 0, 4])  # swaps the ends of the target
    labels: Tensor = drnl(EnclosingSubgraphs.from_edges(edges, target))
    assert torch.equal(drnl(EnclosingSubgraphs.from_edges(mirror[edges], target))[mirror], labels)
    assert labels.tolist() == [1, 3, 3, 1, 7]  # node 4: 2 and 3 hops


def test_no_subgraph_has_no_labels() -> None:
    empty = torch.zeros(0, dtype=torch.long)
    none = EnclosingSubgraphs.from_edges(empty.view(2, 0), empty.bool(), empty)
    assert distances(none).shape == (0, 2)
    assert drnl(none).shape == (0,)
