"""Common neighbors of many pairs against sets in a loop."""

from __future__ import annotations

import torch

from gpool.ops.common_neighbors import common_neighbors
from gpool.ops.subgraph.adjacency import Adjacency


def test_equals_sets() -> None:
    generator = torch.Generator().manual_seed(0)
    edges = torch.randint(30, (2, 120), generator=generator)
    edges = torch.cat(
        [edges, torch.stack([torch.zeros(25, dtype=torch.long), torch.arange(1, 26)])], 1
    )  # a hub
    graph = Adjacency.from_edges(edges[:, edges[0] != edges[1]], 32)  # two nodes alone
    beside = [set(graph.col[graph.rowptr[v] : graph.rowptr[v + 1]].tolist()) for v in range(32)]
    pairs = torch.combinations(torch.arange(32))[torch.randperm(496, generator=generator)]
    right = [(u, b) for b, (i, j) in enumerate(pairs.tolist()) for u in sorted(beside[i] & beside[j])]
    node, pair = common_neighbors(graph.rowptr, graph.col, pairs)
    assert list(zip(node.tolist(), pair.tolist(), strict=True)) == right
    assert len(right) > 100


def test_empty() -> None:
    none = Adjacency.from_edges(torch.zeros(2, 0, dtype=torch.long), 3)
    node, pair = common_neighbors(none.rowptr, none.col, torch.tensor([[0, 1]]))
    assert node.numel() == pair.numel() == 0
    node, pair = common_neighbors(none.rowptr, none.col, torch.zeros(0, 2, dtype=torch.long))
    assert node.numel() == pair.numel() == 0
