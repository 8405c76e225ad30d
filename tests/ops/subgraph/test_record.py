"""The record of enclosing subgraphs: what was built by hand or changed is looked at before it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from gpool.link import WalkPool
from gpool.models.walkpool_network import SubgraphGCN
from gpool.ops.checks import check_values
from gpool.ops.subgraph import enclosing_subgraphs
from gpool.ops.subgraph.adjacency import Adjacency
from gpool.ops.subgraph.distance_labels import distances, drnl
from gpool.ops.subgraph.record import EnclosingSubgraphs
from gpool.ops.subgraph.walk_profile import transition_weights, walk_profile

PARTS = [f.name for f in fields(EnclosingSubgraphs) if f.init]
FREE = ("node",)  # whatever it holds, no kernel follows it

CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "zeroed": torch.zeros_like,
    "rolled": lambda x: x.roll(1, -1),
    "far": lambda x: torch.cat([x.reshape(-1)[:-1], torch.tensor([100_000])]).view_as(x),
    "negative": lambda x: torch.cat([x.reshape(-1)[:-1], torch.tensor([-3])]).view_as(x),
    "shorter": lambda x: x[..., :-1],
    "empty": lambda x: x[..., :0],
    "float": lambda x: x.double(),
    "number": lambda x: x.reshape(-1)[0],
    "int32": lambda x: x.to(torch.int32),
}


def record() -> EnclosingSubgraphs:
    """Three subgraphs of a graph with triangles, as cut out of it."""
    edges = torch.tensor([[0, 0, 1, 2, 3, 4, 5, 6, 1, 5], [1, 2, 2, 3, 4, 5, 6, 0, 4, 2]])
    graph = Adjacency.from_edges(edges, 7)
    return enclosing_subgraphs(graph, torch.tensor([[0, 1], [6, 2], [3, 5]]), num_hops=1)


def uses(subgraphs: EnclosingSubgraphs) -> list[Callable[[], object]]:
    torch.manual_seed(0)
    whole = record()
    x, logits = torch.randn(whole.num_nodes, 4), torch.randn(whole.num_edges, 1)
    return [
        lambda: WalkPool(4, hidden_channels=3, heads=2, walk_length=3)(x, subgraphs),
        lambda: SubgraphGCN(4, 2)(x, subgraphs),
        lambda: walk_profile(logits, subgraphs, 2),
        lambda: transition_weights(logits, subgraphs),
        lambda: distances(subgraphs),
        lambda: drnl(subgraphs),
        lambda: subgraphs.pattern(2),
    ]


def harmless(name: str, part: Tensor, changed: Tensor) -> bool:
    return (
        changed.dtype == part.dtype
        and changed.shape == part.shape
        and (name in FREE or torch.equal(part, changed))
    )


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("how", CHANGES)
def test_a_changed_part_is_noticed(name: str, how: str) -> None:
    good = record()
    part = getattr(good, name)
    changed = CHANGES[how](part) if part.dtype != torch.bool or how not in ("far", "negative") else ~part
    bad = replace(good, **{name: changed})
    for use in uses(bad):
        if harmless(name, part, changed):
            use()
        else:
            with pytest.raises(ValueError):
                use()


@pytest.mark.parametrize("name", [p for p in PARTS if p not in FREE])
@pytest.mark.parametrize("used", [False, True])
def test_a_change_in_place_is_noticed(name: str, used: bool) -> None:
    bad = record()
    if used:
        bad.pattern(1)
    part = getattr(bad, name)
    if name == "is_target":
        part[:] = False
    else:
        part.view(-1)[-1] = 100_000
    for use in uses(bad):
        with pytest.raises(ValueError):
            use()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rowptr": torch.tensor([0, 1, 2, 4])}, r"rowptr and edge_index disagree"),
        ({"rowptr": torch.tensor([0, 3, 2, 4])}, r"rowptr falls from 3 to 2"),
        ({"order": torch.tensor([1, 0, 2, 9])}, r"order holds 9; ids must be 0 \.\. 3"),
        ({"order": torch.tensor([0, 1, 2, 3])}, r"order and colptr disagree with edge_index"),
        (
            {"edge_index": torch.tensor([[1, 0, 2, 5], [0, 1, 1, 2]])},
            r"edge_index holds node 5; ids must be 0",
        ),
        ({"target": torch.tensor([[0, 2]])}, r"target\[0\] = \(0, 2\) must be the link \(0, 1\)"),
        ({"batch": torch.tensor([0, 0, 1])}, r"batch holds subgraph 1; ids must be 0 \.\. 0"),
        ({"is_target": torch.tensor([True, False, False, False])}, "one direction only"),
        (
            {"end_edge": torch.tensor([0, 1, 1])},
            "end_edge must hold every edge that ends in a target node once",
        ),
        ({"end_slot": torch.tensor([1, 0, 1])}, "end_slot and end_edge disagree with target"),
        ({"node": torch.tensor([0, 1])}, r"node of shape \(2,\) and torch.int64 must be \[3\]"),
    ],
)
def test_errors_name_the_part(change: dict[str, Tensor], message: str) -> None:
    edges = torch.tensor([[1, 0, 2, 1], [0, 1, 1, 2]])
    path = EnclosingSubgraphs.from_edges(edges, torch.tensor([True, True, False, False]))
    path.check()
    with pytest.raises(ValueError, match=message):
        replace(path, **change).pattern(1)
    with pytest.raises(TypeError, match="rowptr must be a tensor, not list"):
        replace(path, rowptr=[0, 1, 3, 4])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": torch.tensor([1, 0, 2, 10**12])}, r"source holds 10{12}"),
        ({"source": torch.tensor([1, 0, 2, -1])}, "source holds -1"),
        ({"source": torch.tensor([1, 2, 0, 1])}, "source must rise"),
        ({"source": torch.tensor([1, 0, 2])}, "edges adds up to 4; it must be at least 0 and 3 in sum"),
        ({"reverse": torch.tensor([1, 0, 3, 7])}, "reverse holds 7"),
        ({"reverse": torch.tensor([0, 1, 2, 3])}, "reverse must be the position of the edge in the other"),
        ({"degree": torch.tensor([2, 1, 1])}, "reverse must be the position|source must rise"),
        ({"degree": torch.tensor([0, 2, 2])}, "degree of 3 entries must be 1 or more, for 3 nodes"),
        ({"nodes": torch.tensor([4])}, "nodes adds up to 4"),
        ({"nodes": torch.tensor([-1, 4]), "edges": torch.tensor([0, 4])}, "nodes adds up to 3"),
        ({"nodes": torch.tensor([2, 1]), "edges": torch.tensor([3, 1])}, "source holds|out of its|reverse"),
        ({"target": torch.tensor([[0, 7]])}, "target holds node 7"),
        ({"target": torch.tensor([[0, 0]])}, "target joins a node to itself"),
        ({"target": torch.tensor([[0, 2]])}, "target names a pair that no edge joins"),
    ],
)
def test_from_parts_checks_what_it_is_given(change: dict[str, Tensor], message: str) -> None:
    parts = {
        "source": torch.tensor([1, 0, 2, 1]),
        "reverse": torch.tensor([1, 0, 3, 2]),
        "degree": torch.tensor([1, 2, 1]),
        "nodes": torch.tensor([3]),
        "edges": torch.tensor([4]),
        "target": torch.tensor([[0, 1]]),
        "node": torch.arange(3),
    }
    if len(change.get("nodes", [])) == 2:
        change["target"] = torch.tensor([[0, 1], [0, 1]])
    made = EnclosingSubgraphs.from_parts(**parts)
    made.check_parts()
    assert made.edge_index.tolist() == [[1, 0, 2, 1], [0, 1, 1, 2]]
    assert made.is_target.tolist() == [True, True, False, False]
    with pytest.raises(ValueError, match=message):
        EnclosingSubgraphs.from_parts(**{**parts, **change})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": torch.tensor([0, 0, -1])}, "batch holds subgraph -1"),
        ({"batch": torch.zeros(3), "num_graphs": 1}, "batch of shape .* must be .* of torch.int64"),
        (
            {"batch": torch.tensor([0, 0, 3]), "num_graphs": 2},
            r"batch holds subgraph 3; ids must be 0 \.\. 1",
        ),
        ({"num_graphs": -1}, "num_graphs=-1 must not be negative"),
        ({"node": torch.arange(2)}, r"node of shape \(2,\)"),
    ],
)
def test_from_edges_checks_batch_and_node(options: dict[str, object], message: str) -> None:
    edges = torch.tensor([[1, 0, 2, 1], [0, 1, 1, 2]])
    with pytest.raises(ValueError, match=message):
        EnclosingSubgraphs.from_edges(edges, torch.tensor([True, True, False, False]), **options)


def test_a_sound_record_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    check = "gpool.ops.subgraph.record.check_record"
    monkeypatch.setattr(check, lambda subgraphs: looked.append(subgraphs))
    cut = record()
    for use in uses(cut):
        use()
    assert looked == []  # made by the package: nothing to look at
    by_hand = replace(cut)
    for use in uses(by_hand):
        use()
    uses(by_hand.to("cpu"))[0]()
    assert looked == [by_hand]
    with check_values(False):
        other = replace(cut)
        other.pattern(1)
    assert looked == [by_hand]


def test_records_of_inference_mode() -> None:
    with torch.inference_mode():
        cut = record()
        assert drnl(cut).numel() == cut.num_nodes
        with pytest.raises(ValueError, match="rowptr"):
            replace(cut, rowptr=cut.rowptr[:-1]).pattern(1)
    assert cut.pattern(2).size == 2 * cut.num_nodes
