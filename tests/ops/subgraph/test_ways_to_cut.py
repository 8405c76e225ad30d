"""Whatever way the edges are found, the record is that of a slow search and of earlier versions."""

from __future__ import annotations

import copy
import hashlib
import pickle
from dataclasses import fields

import pytest
import torch
from torch import Tensor

from gpool.ops.subgraph import _dense, _induce, enclosing_subgraphs
from gpool.ops.subgraph.adjacency import Adjacency
from gpool.ops.subgraph.record import EnclosingSubgraphs

PARTS = [f.name for f in fields(EnclosingSubgraphs) if f.init]


def drawn(nodes: int, edges: int, skew: float) -> Tensor:
    """Edges whose ends are node v with a chance that falls as (v + 1) ** -skew; with loops and repeats."""
    generator = torch.Generator().manual_seed(0)
    chance = torch.arange(1, nodes + 1, dtype=torch.double) ** -skew
    return torch.multinomial(chance, 2 * edges, replacement=True, generator=generator).view(2, edges)


GRAPHS = {
    "random": (drawn(60, 150, 0.0), 60),
    "power law": (drawn(300, 900, 0.9), 300),
    "dense": (drawn(12, 120, 0.0), 13),
    "star": (torch.stack([torch.zeros(70, dtype=torch.long), torch.arange(1, 71)]), 72),
    "no edge": (torch.zeros(2, 0, dtype=torch.long), 3),
    "two nodes": (torch.tensor([[0], [1]]), 2),
    "loops alone": (torch.arange(5).repeat(2, 1), 6),
}


def pairs_of(edges: Tensor, nodes: int, count: int = 21) -> Tensor:
    """Links and others, some of them twice and in both directions."""
    generator = torch.Generator().manual_seed(1)
    some = torch.randint(nodes, (count, 2), generator=generator)
    if edges.size(1) > 0:
        some[::2] = edges.t()[torch.randint(edges.size(1), (len(some[::2]),), generator=generator)]
    some = torch.cat([some, some[:3], some[:3].flip(1)])
    return torch.cat([some[some[:, 0] != some[:, 1]], torch.tensor([[0, 1]])])


def oracle(edges: Tensor, pairs: Tensor, hops: int) -> EnclosingSubgraphs:
    """One pair at a time, with sets."""
    given = {e for u, v in edges.t().tolist() for e in ((u, v), (v, u))}
    node, batch, found, mine, target = [], [], [], [], []
    for b, pair in enumerate(pairs.tolist()):
        members = set(pair)
        for _ in range(hops):
            members |= {v for u, v in given if u in members}
        place = {v: len(node) + k for k, v in enumerate(sorted(members))}
        both = {(u, v) for u, v in given if u in members and v in members}
        both |= {tuple(pair), tuple(pair[::-1])}
        inside = sorted(both, key=lambda e: (e[1], e[0]))
        found += [(place[u], place[v]) for u, v in inside]
        mine += [set(e) == set(pair) for e in inside]
        target.append([place[v] for v in pair])
        node += sorted(members)
        batch += [b] * len(members)
    return EnclosingSubgraphs._derive(
        torch.tensor(found).t(),
        torch.tensor(mine),
        torch.tensor(target),
        torch.tensor(batch),
        torch.tensor(node),
    )


WAYS = {
    "as it comes": {},
    "a table": {"LOOK": 0},
    "a table of one subgraph": {"LOOK": 0, "TABLE": 301},
    "bisection": {"LOOK": 0, "TABLE": 1},
    "all edges": {"LOOK": 10**9},
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in WAYS[request.param].items():
        monkeypatch.setattr(_dense if name == "LOOK" else _induce, name, value)
    return str(request.param)


def assert_equal(found: EnclosingSubgraphs, right: EnclosingSubgraphs) -> None:
    for name in PARTS:
        one, other = getattr(found, name), getattr(right, name)
        assert one.dtype == other.dtype
        assert torch.equal(one, other), name
    found.check_parts()


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_equals_a_slow_search(way: str, name: str, hops: int) -> None:
    edges, nodes = GRAPHS[name]
    graph, pairs = Adjacency.from_edges(edges, nodes), pairs_of(edges, nodes)
    right = oracle(edges, pairs, hops)
    for max_entries in (1 << 20, 50, 1):
        assert_equal(enclosing_subgraphs(graph, pairs, hops, max_entries=max_entries), right)
    some = pairs.flip(0)[:5]  # what was left behind in a table would be found by the next
    assert_equal(enclosing_subgraphs(graph, some, hops), oracle(edges, some, hops))


RECORDED = {
    ("random", 1, None): "f2e0d46621ed006a",
    ("random", 2, None): "606b3c455a9d2ab4",
    ("random", 1, 4): "d4f1b309fd0296aa",
    ("random", 2, 3): "7642274b003ef4c7",
    ("power law", 1, None): "a889c56334aca10f",
    ("power law", 2, None): "016cce470beb5059",
    ("power law", 1, 4): "813f19ec6d16bde7",
    ("power law", 2, 3): "82351c1d69ab0b4b",
    ("dense", 1, None): "5b8d1f0fe1ac4d33",
    ("dense", 2, None): "b9d70ad3ffe6bdc1",
    ("dense", 1, 4): "db4048f27756d8e3",
    ("dense", 2, 3): "feaceb5307c498ba",
    ("star", 1, None): "d37a85838a5bbf8e",
    ("star", 2, None): "9d8549ba930a731a",
    ("star", 1, 4): "95b02bcb40174683",
    ("star", 2, 3): "d41d62a3c1bd92f7",
}


def digest(record: EnclosingSubgraphs) -> str:
    held = hashlib.sha256()
    for name in PARTS:
        held.update(getattr(record, name).contiguous().numpy().tobytes())
    return held.hexdigest()[:16]


@pytest.mark.parametrize("name", ["random", "power law", "dense", "star"])
def test_equals_what_was_recorded(way: str, name: str) -> None:
    """Digests of the records that the search by bisection made, before there was another; capped ones too."""
    edges, nodes = GRAPHS[name]
    graph, pairs = Adjacency.from_edges(edges, nodes), pairs_of(edges, nodes)
    for hops, cap in ((1, None), (2, None), (1, 4), (2, 3)):
        assert digest(enclosing_subgraphs(graph, pairs, hops, cap, seed=7)) == RECORDED[name, hops, cap]


def test_a_graph_is_copied_and_sent_without_its_tables() -> None:
    graph = Adjacency.from_edges(*GRAPHS["power law"])
    pairs = pairs_of(*GRAPHS["power law"])
    right, size = enclosing_subgraphs(graph, pairs, 1), len(pickle.dumps(Adjacency(graph.rowptr, graph.col)))
    for other in (pickle.loads(pickle.dumps(graph)), copy.deepcopy(graph)):
        assert_equal(enclosing_subgraphs(other, pairs, 1), right)
    assert len(pickle.dumps(graph)) < 2 * size


def test_a_change_in_place_is_seen_by_what_was_derived() -> None:
    graph, pair = Adjacency.from_edges(torch.tensor([[0, 1], [1, 2]]), 4), torch.tensor([[0, 1]])
    assert enclosing_subgraphs(graph, pair, 1).node.tolist() == [0, 1, 2]
    graph.rowptr.copy_(torch.tensor([0, 1, 3, 3, 4]))
    graph.col.copy_(torch.tensor([1, 0, 3, 1]))
    assert enclosing_subgraphs(graph, pair, 1).node.tolist() == [0, 1, 3]
