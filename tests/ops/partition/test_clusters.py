"""Parsing, components and matching against loops over nodes and edges."""

from __future__ import annotations

import networkx as nx
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, partition
from torch import Tensor

from gpool.ops.partition.clusters import (
    best_neighbor,
    components,
    compress,
    label_clusters,
    matching,
    parse,
    parse_merge,
)


def scores(graph: Batch, seed: int, distinct: bool) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    count = len(graph.undirected)
    value = torch.randperm(count, generator=g) if distinct else torch.randint(3, (count,), generator=g)
    return value.double()


def ends(graph: Batch) -> tuple[Tensor, Tensor]:
    once = torch.tensor(graph.undirected, dtype=torch.long).view(-1, 2).t()
    return once[0], once[1]


def loop_best(graph: Batch, score: Tensor, own: Tensor | None) -> list[int]:
    best = []
    for node in range(graph.x.size(0)):
        options = [] if own is None else [(-float(own[node]), 1, node)]
        for (u, v), s in zip(graph.undirected, score.tolist(), strict=True):
            if node in (u, v) and u != v:
                options.append((-s, 0, v if node == u else u))
        best.append(min(options)[2] if options else node)
    return best


@settings(max_examples=60, deadline=None)
@given(batches(parallel=True), st.integers(0, 99), st.booleans(), st.booleans())
def test_clusters_are_weak_components_of_best_edges(
    graph: Batch, seed: int, distinct: bool, loops: bool
) -> None:
    score = scores(graph, seed, distinct)
    own = torch.randint(3, (graph.x.size(0),)).double() if loops else None
    best = loop_best(graph, score, own)
    u, v = ends(graph)
    assert best_neighbor(score, u, v, graph.x.size(0), own).tolist() == best
    pointers = nx.Graph()
    pointers.add_nodes_from(range(graph.x.size(0)))
    pointers.add_edges_from(enumerate(best))
    cluster, is_root = label_clusters(parse(score, u, v, graph.x.size(0), own))
    assert partition(cluster) == {frozenset(c) for c in nx.connected_components(pointers)}
    assert sorted(set(cluster.tolist())) == list(range(int(is_root.sum())))


@settings(max_examples=60, deadline=None)
@given(batches(parallel=True), st.integers(0, 99), st.booleans())
def test_merging_ties_follows_every_best_edge(graph: Batch, seed: int, loops: bool) -> None:
    score = scores(graph, seed, distinct=False)
    own = torch.randint(3, (graph.x.size(0),)).double() if loops else None
    best = torch.full((graph.x.size(0),), -torch.inf, dtype=torch.float64) if own is None else own.clone()
    for (u, v), s in zip(graph.undirected, score.tolist(), strict=True):
        best[u], best[v] = max(best[u], s), max(best[v], s)
    followed = nx.Graph()
    followed.add_nodes_from(range(graph.x.size(0)))
    followed.add_edges_from(
        (u, v) for (u, v), s in zip(graph.undirected, score.tolist(), strict=True) if s in (best[u], best[v])
    )
    root = parse_merge(score, *ends(graph), graph.x.size(0), own)
    assert partition(root) == {frozenset(c) for c in nx.connected_components(followed)}


@settings(max_examples=30, deadline=None)
@given(batches(), st.integers(0, 99))
def test_merging_is_the_same_where_nothing_ties(graph: Batch, seed: int) -> None:
    score = scores(graph, seed, distinct=True)
    one, other = (f(score, *ends(graph), graph.x.size(0)) for f in (parse, parse_merge))
    assert partition(one) == partition(other)


@settings(max_examples=40, deadline=None)
@given(batches(loops=False, parallel=True))
def test_components_equal_networkx(graph: Batch) -> None:
    expected = nx.Graph()
    expected.add_nodes_from(range(graph.x.size(0)))
    expected.add_edges_from(graph.undirected)
    root = components(*ends(graph), graph.x.size(0))
    assert root.tolist() == [min(nx.node_connected_component(expected, n)) for n in range(graph.x.size(0))]


def test_components_of_a_long_shuffled_path() -> None:
    order = torch.randperm(10_000)
    assert components(order[:-1], order[1:], 10_000).tolist() == [0] * 10_000


@settings(max_examples=60, deadline=None)
@given(batches(loops=True, parallel=True), st.integers(0, 99))
def test_matching_equals_the_greedy_pass(graph: Batch, seed: int) -> None:
    u, v = graph.edge_index
    rank = torch.randperm(u.numel(), generator=torch.Generator().manual_seed(seed))
    taken, used = [], set()
    for e in rank.argsort().tolist():
        a, b = int(u[e]), int(v[e])
        if a != b and a not in used and b not in used:
            taken.append(e)
            used |= {a, b}
    assert sorted(matching(rank, u, v, graph.x.size(0)).tolist()) == sorted(taken)


def test_pointers_of_a_long_chain() -> None:
    assert compress(torch.arange(1000).sub(1).clamp(min=0)).tolist() == [0] * 1000
    assert compress(torch.tensor([1, 1])).tolist() == [1, 1]
    assert compress(torch.zeros(0, dtype=torch.long)).tolist() == []
