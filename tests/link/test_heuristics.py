"""Heuristics against networkx and against dense algebra."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import pytest
import torch
from torch import Tensor

from gpool.link import heuristics
from gpool.link.heuristics import (
    adamic_adar,
    common_neighbors,
    katz,
    personalized_pagerank,
    resource_allocation,
)
from gpool.ops.subgraph.adjacency import Adjacency


def case(seed: int) -> tuple[nx.Graph, Adjacency, Tensor]:
    graph = nx.gnp_random_graph(14, 0.25, seed=seed)
    graph.add_node(14)  # alone
    edges = torch.tensor(list(graph.edges())).t()
    return graph, Adjacency.from_edges(edges, 15), torch.combinations(torch.arange(15))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_local_ones_equal_networkx(seed: int) -> None:
    graph, adjacency, pairs = case(seed)
    listed = [tuple(p) for p in pairs.tolist()]
    right = torch.tensor([float(len(list(nx.common_neighbors(graph, u, v)))) for u, v in listed])
    assert torch.equal(common_neighbors(adjacency, pairs).float(), right)
    for ours, theirs in (
        (adamic_adar, nx.adamic_adar_index),
        (resource_allocation, nx.resource_allocation_index),
    ):
        right = torch.tensor([s for _, _, s in theirs(graph, listed)], dtype=torch.double)
        torch.testing.assert_close(ours(adjacency, pairs), right)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_local_ones_leave_self_loops_out(seed: int) -> None:
    """With loops at every second node as without any, and as networkx says of the graph without."""
    graph, adjacency, pairs = case(seed)
    looped, with_loops = with_self_loops(graph)
    both = [tuple(p) for p in pairs.tolist()]
    right = torch.tensor([float(len(list(nx.common_neighbors(looped, u, v)))) for u, v in both])
    assert torch.equal(common_neighbors(with_loops, pairs).float(), right)
    looped.remove_edges_from(list(nx.selfloop_edges(looped)))
    for ours, theirs in (
        (adamic_adar, nx.adamic_adar_index),
        (resource_allocation, nx.resource_allocation_index),
    ):
        right = torch.tensor([s for _, _, s in theirs(looped, both)], dtype=torch.double)
        torch.testing.assert_close(ours(with_loops, pairs), right)
        torch.testing.assert_close(ours(with_loops, pairs), ours(adjacency, pairs))
    alone = Adjacency.from_edges(torch.tensor([[0, 0], [0, 1]]), 2)  # a loop beside the link itself
    for score in (common_neighbors, adamic_adar, resource_allocation):
        assert score(alone, torch.tensor([[0, 1], [0, 0]]))[0] == 0.0


def with_self_loops(graph: nx.Graph) -> tuple[nx.Graph, Adjacency]:
    looped = graph.copy()
    looped.add_edges_from((v, v) for v in range(0, 15, 2))
    return looped, Adjacency.from_edges(torch.tensor(list(looped.edges())).t(), 15)


def test_no_walk_takes_a_self_loop() -> None:
    graph, adjacency, pairs = case(3)
    _, with_loops = with_self_loops(graph)
    for score in (katz, personalized_pagerank):
        torch.testing.assert_close(score(with_loops, pairs), score(adjacency, pairs), rtol=0, atol=0)
    alone = Adjacency.from_edges(torch.tensor([[0, 1], [0, 2]]), 3)  # node 0 is linked to itself alone
    for score in (katz, personalized_pagerank):
        assert score(alone, torch.tensor([[0, 1], [1, 0]])).tolist() == [0.0, 0.0]
    star = Adjacency.from_edges(torch.tensor([[0, 1], [0, 1]]), 2)
    assert katz(star, torch.tensor([[0, 1]]), beta=0.9).tolist() == [0.0]


def test_a_graph_made_by_hand_is_checked() -> None:
    _, adjacency, pairs = case(0)
    bad = replace(adjacency, col=adjacency.col + 10**9)
    for score in (common_neighbors, adamic_adar, resource_allocation, katz, personalized_pagerank):
        with pytest.raises(ValueError, match="col holds node 10000"):
            score(bad, pairs)


def test_katz_equals_the_inverse() -> None:
    graph, adjacency, pairs = case(3)
    a = torch.from_numpy(nx.to_numpy_array(graph, nodelist=range(15)))
    dense = torch.linalg.inv(torch.eye(15, dtype=torch.double) - 0.05 * a) - torch.eye(15, dtype=torch.double)
    torch.testing.assert_close(
        katz(adjacency, pairs, beta=0.05), dense[tuple(pairs.t())], rtol=1e-8, atol=1e-10
    )


def test_pagerank_equals_networkx() -> None:
    graph, adjacency, pairs = case(4)
    rank = [
        nx.pagerank(graph, alpha=0.85, personalization={i: 1.0}, dangling={i: 1.0}, tol=1e-13, max_iter=1000)
        for i in range(15)
    ]
    right = torch.tensor([rank[i][j] + rank[j][i] for i, j in pairs.tolist()], dtype=torch.double)
    torch.testing.assert_close(personalized_pagerank(adjacency, pairs), right, rtol=1e-6, atol=1e-8)


def test_no_pairs_no_edges_errors() -> None:
    empty = Adjacency.from_edges(torch.zeros(2, 0, dtype=torch.long), 3)
    one, none = torch.tensor([[0, 1]]), torch.zeros(0, 2, dtype=torch.long)
    for score in (common_neighbors, adamic_adar, resource_allocation, katz, personalized_pagerank):
        assert score(empty, one).tolist() == [0.0]
        assert score(empty, none).shape == (0,)
        with pytest.raises(ValueError, match="unknown node 3"):
            score(empty, torch.tensor([[0, 3]]))
        with pytest.raises(ValueError, match=r"must be \[B, 2\]"):
            score(empty, torch.tensor([0, 1]))
    _, adjacency, _ = case(0)
    with pytest.raises(ValueError, match=r"beta=0.9 must be above 0 and below 1 / "):
        katz(adjacency, one, beta=0.9)
    with pytest.raises(ValueError, match=r"damping=1\.0 must be between 0 and 1"):
        personalized_pagerank(adjacency, one, damping=1.0)


@pytest.mark.parametrize("share", [0.0, 0.3, 2.0])
def test_katz_by_sparse_and_dense_walks(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(heuristics, "SPARSE", share)
    generator = torch.Generator().manual_seed(3)
    edges = torch.randint(60, (2, 90), generator=generator)
    adjacency = Adjacency.from_edges(edges[:, edges[0] != edges[1]], 60)
    dense = torch.zeros(60, 60, dtype=torch.double)
    dense[adjacency.row, adjacency.col] = 0.08
    right = torch.linalg.inv(torch.eye(60, dtype=torch.double) - dense) - torch.eye(60, dtype=torch.double)
    few, many = torch.randint(4, (300,), generator=generator), torch.randint(60, (300,), generator=generator)
    for pairs in (torch.stack([few, many], 1), torch.stack([many, few], 1)):
        found = katz(adjacency, pairs, beta=0.08)
        torch.testing.assert_close(found, right[tuple(pairs.t())], rtol=0, atol=1e-11)


def test_katz_stops_at_the_tolerance() -> None:
    """What is left out is not negative and below the tolerance."""
    edges = torch.randint(40, (2, 100), generator=torch.Generator().manual_seed(0))
    adjacency = Adjacency.from_edges(edges[:, edges[0] != edges[1]], 40)
    pairs = torch.combinations(torch.arange(40))
    exact = katz(adjacency, pairs, beta=0.07, tolerance=1e-15)
    for tolerance in (1e-3, 1e-6):
        left = exact - katz(adjacency, pairs, beta=0.07, tolerance=tolerance)
        assert left.min() > -1e-15
        assert left.max() <= tolerance
        assert left.max() > 0
