"""Graphs of a user's own edges, and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from small_graphs import ring
from torch_geometric.data import Data

from gpool.data import LinkGraph


def test_own_edges_of_every_kind_give_one_graph() -> None:
    names = LinkGraph.from_edges(ring())
    numbers = torch.tensor([[int(u[1:]), int(v[1:])] for u, v in ring()]).t()
    tensor = LinkGraph.from_edges(numbers)
    both = LinkGraph.from_edges(Data(edge_index=torch.cat([numbers, numbers.flip(0)], 1), num_nodes=20))
    assert torch.equal(names.pairs, tensor.pairs)
    assert torch.equal(names.pairs, both.pairs)
    assert names.ids[3] == "n03"
    assert names.position([("n03", "n01")]).tolist() == [[3, 1]]
    assert LinkGraph.from_edges([(2, "a"), ("a", 5)]).ids == [2, "a", 5]  # ids that have no order keep theirs
    assert LinkGraph.from_edges([("a", "b")], nodes=["b", "a", "c"]).pairs.tolist() == [[0, 1]]


def test_repeated_edges_and_loops_are_said() -> None:
    with pytest.warns(UserWarning, match="1 edges are listed more than once"):
        graph = LinkGraph.from_edges([("a", "b"), ("a", "b"), ("b", "c")])
    assert graph.pairs.tolist() == [[0, 1], [1, 2]]
    with pytest.warns(UserWarning, match="1 edges join a node to itself; they are left out"):
        assert LinkGraph.from_edges([("a", "a"), ("a", "b")]).pairs.tolist() == [[0, 1]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LinkGraph.from_edges([("a", "b"), ("b", "a")])  # both directions are one link, and no mistake


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinkGraph.from_edges([]), "edges is empty"),
        (lambda: LinkGraph.from_edges(torch.zeros(2, 0, dtype=torch.long)), "edges is empty"),
        (
            lambda: LinkGraph.from_edges(torch.tensor([[0], [7]]), nodes=3),
            "unknown node 7; ids must be 0 .. 2",
        ),
        (lambda: LinkGraph.from_edges(torch.tensor([[0], [-1]])), "unknown node -1"),
        (lambda: LinkGraph.from_edges(torch.zeros(3, 2)), r"must be \[2, E\] of integers"),
        (lambda: LinkGraph.from_edges([("a", "z")], nodes=["a", "b"]), "unknown node 'z'"),
        (lambda: LinkGraph.from_edges([("a", "b")], nodes=["a", "b", "a"]), "nodes holds 1 ids twice"),
        (
            lambda: LinkGraph.from_edges([("a", "b")], x=torch.zeros(3, 4)),
            r"x of shape \(3, 4\) must be \[2, F\]",
        ),
        (
            lambda: LinkGraph.from_edges([("a", "b")], x=torch.tensor([[0.0], [torch.nan]])),
            "NaN or infinite features in 1 rows, the first of node 1",
        ),
        (
            lambda: LinkGraph.from_edges([("a", "b")]).position([("a", "q")]),
            r"pairs\[0\] = \('a', 'q'\) holds the unknown node 'q'",
        ),
        (
            lambda: LinkGraph.from_edges([("a", "b")]).position([("a", "b"), ("b", "b")]),
            r"pairs\[1\] = \('b', 'b'\) joins a node to itself",
        ),
    ],
)
def test_errors(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()


ONE_WAY = torch.tensor([[0, 1, 2], [1, 2, 3]])
MIXED = torch.tensor([[0, 1, 1], [1, 0, 2]])


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (MIXED, r"edges is a directed graph: 1 of its 3 edges, such as \(1, 2\), have no reverse"),
        ([("a", "b"), ("b", "a"), ("b", "c")], r"a directed graph: 1 of its 3 edges, such as \('b', 'c'\)"),
        (Data(edge_index=ONE_WAY, num_nodes=4), r"a directed graph: 3 of its 3 edges, such as \(0, 1\)"),
        (Data(edge_index=MIXED, num_nodes=4), r"a directed graph: 1 of its 3 edges"),
    ],
)
def test_a_directed_graph_is_refused_or_made_undirected(edges: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LinkGraph.from_edges(edges)
    graph = LinkGraph.from_edges(edges, symmetrize=True)
    assert graph.pairs[:2].tolist() == [[0, 1], [1, 2]]


def test_every_link_may_be_listed_in_one_direction() -> None:
    assert LinkGraph.from_edges(ONE_WAY).pairs.tolist() == ONE_WAY.t().tolist()
    assert LinkGraph.from_edges(ONE_WAY.flip(0)).pairs.tolist() == ONE_WAY.t().tolist()


def test_weights_and_features_of_edges_are_refused() -> None:
    both = torch.cat([ONE_WAY, ONE_WAY.flip(0)], 1)
    for name, value in (("edge_weight", torch.rand(6)), ("edge_attr", torch.rand(6, 3))):
        with pytest.raises(ValueError, match=f"edges holds {name}, .*; set data.{name} = None"):
            LinkGraph.from_edges(Data(edge_index=both, num_nodes=4, **{name: value}))
        ones = Data(edge_index=both, num_nodes=4, **{name: torch.ones_like(value)})
        assert LinkGraph.from_edges(ones).pairs.tolist() == ONE_WAY.t().tolist()
    with pytest.raises(
        ValueError, match=r"edges\[1\] = \('b', 'c', 0\.5\) must be two node ids; weights and"
    ):
        LinkGraph.from_edges([("a", "b"), ("b", "c", 0.5)])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"edges\[0\] = 'ab' must be two node ids"):
        LinkGraph.from_edges(["ab", "bc"])  # type: ignore[list-item]
