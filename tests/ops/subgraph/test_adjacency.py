"""Rows of neighbors: what was built by hand is looked at before it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gpool.ops.checks import check_values
from gpool.ops.subgraph import enclosing_subgraphs, iter_enclosing_subgraphs
from gpool.ops.subgraph.adjacency import Adjacency, expand

PAIRS = torch.tensor([[0, 3], [1, 2]])


def graph() -> Adjacency:
    return Adjacency.from_edges(torch.tensor([[0, 1, 2, 3], [1, 2, 3, 3]]), 4)  # a path and a loop


def uses(of: Adjacency) -> list[Callable[[], object]]:
    return [
        lambda: enclosing_subgraphs(of, PAIRS, 1),
        lambda: next(iter_enclosing_subgraphs(of, PAIRS, 1)),
        lambda: of.position(PAIRS[:, 0], PAIRS[:, 1]),
        lambda: (0, 1) in of,
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"col": torch.tensor([1, 0, 2, 1, 3, 2, 100_000])}, r"col holds node 100000; ids must be 0 \.\. 3"),
        ({"col": torch.tensor([-1, 0, 2, 1, 3, 2, 3])}, "col holds node -1"),
        ({"col": torch.tensor([1, 2, 0, 1, 3, 2, 3])}, r"col\[2\] = 0; the neighbors of a node must rise"),
        ({"col": torch.tensor([1, 0, 2, 1, 3, 3, 3])}, "the neighbors of a node must rise, each once"),
        ({"col": torch.tensor([2, 0, 2, 1, 3, 2, 3])}, "hold an edge in one direction only"),
        ({"rowptr": torch.tensor([0, 1, 0, 5, 7])}, "rowptr falls from 1 to 0"),
        ({"rowptr": torch.tensor([0, 1, 3, 5, 9])}, "rowptr goes from 0 to 9; it must rise from 0 to 7"),
        ({"rowptr": torch.zeros(0, dtype=torch.long)}, "rowptr is empty"),
        ({"rowptr": torch.tensor([0.0, 1.0, 3.0, 5.0, 7.0])}, "rowptr of shape"),
    ],
)
def test_a_graph_made_by_hand_is_checked(change: dict[str, Tensor], message: str) -> None:
    bad = replace(graph(), **change)
    for use in uses(bad):
        with pytest.raises(ValueError, match=message):
            use()


def test_a_change_in_place_is_noticed() -> None:
    bad = graph()
    for use in uses(bad):
        use()
    bad.col[0] = 10**9
    for use in uses(bad):
        with pytest.raises(ValueError, match="col holds node 1000000000"):
            use()


def test_a_sound_graph_by_hand() -> None:
    good = graph()
    same = Adjacency(good.rowptr.clone(), good.col.clone())
    assert enclosing_subgraphs(same, PAIRS, 1).edge_index.equal(
        enclosing_subgraphs(good, PAIRS, 1).edge_index
    )
    with check_values(False):
        Adjacency(good.rowptr, good.col.flip(0)).check()  # nothing is looked at
    with pytest.raises(TypeError, match="col must be a tensor, not list"):
        Adjacency(good.rowptr, good.col.tolist())


def test_unknown_nodes_are_in_no_edge() -> None:
    assert (3, 3) in graph()
    for pair in ((0, 4), (-1, 3), (7, 0)):
        assert pair not in graph()


def test_from_edges_refuses_what_is_no_edge() -> None:
    with pytest.raises(ValueError, match=r"edge_index of shape .* and torch.bool must be \[2, E\]"):
        Adjacency.from_edges(torch.ones(2, 3, dtype=torch.bool), 4)
    with pytest.raises(ValueError, match="num_nodes=-1 must not be negative"):
        Adjacency.from_edges(torch.zeros(2, 0, dtype=torch.long), -1)
    with pytest.raises(ValueError, match=r"pairs of shape .* and torch.bool must be \[B, 2\]"):
        enclosing_subgraphs(graph(), torch.tensor([[True, False]]))


@pytest.mark.parametrize("seed", range(5))
def test_from_edges_holds_the_neighbors_of_every_node(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    edges = torch.randint(9, (2, 20), generator=g)  # repeated edges, self-loops and isolated nodes
    of, given = Adjacency.from_edges(edges, 11), [frozenset(pair) for pair in edges.t().tolist()]
    for v in range(11):
        row = slice(int(of.rowptr[v]), int(of.rowptr[v + 1]))
        near = [u for u in range(11) if frozenset((u, v)) in given]
        assert of.col[row].tolist() == near
    assert of.degree.tolist() == of.rowptr.diff().tolist()
    assert of.num_edges == sum(len(pair) for pair in set(given))


@pytest.mark.parametrize("seed", range(5))
def test_position_is_where_the_edge_stands(seed: int) -> None:
    edges = torch.randint(9, (2, 20), generator=torch.Generator().manual_seed(seed))
    of = Adjacency.from_edges(edges, 11)
    row, col = torch.cartesian_prod(torch.arange(11), torch.arange(11)).t()
    held = list(zip(torch.repeat_interleave(of.degree).tolist(), of.col.tolist(), strict=True))
    right = [
        held.index(pair) if pair in held else -1 for pair in zip(row.tolist(), col.tolist(), strict=True)
    ]
    assert of.position(row, col).tolist() == right
    assert [pair in of for pair in zip(row.tolist(), col.tolist(), strict=True)] == [p >= 0 for p in right]


def test_expand_concatenates_ranges() -> None:
    position, owner = expand(torch.tensor([5, 0, 7, 2]), torch.tensor([2, 0, 1, 3]))
    assert position.tolist() == [5, 6, 7, 2, 3, 4]
    assert owner.tolist() == [0, 0, 2, 3, 3, 3]
