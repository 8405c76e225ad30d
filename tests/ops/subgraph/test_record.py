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
        ({"edge_index": torch.tensor([[1, 0, 2, 10**12], [0, 1, 1, 2]])}, r"edge_index holds node 10{12}"),
        ({"edge_index": torch.tensor([[1, 0, 2, 1], [0, 1, 1, -1]])}, "edge_index holds node -1"),
        ({"edge_index": torch.tensor([[1, 0, 1, 2], [0, 1, 2, 1]])}, "must be sorted by destination"),
        ({"target": torch.tensor([[0, 7]])}, "target holds node 7"),
        ({"target": torch.tensor([0, 1])}, r"target of shape \(2,\)"),
        ({"is_target": torch.tensor([1, 1, 0, 0])}, r"is_target of shape .* must be \[4\] of torch.bool"),
        ({"batch": torch.zeros(2, 2, dtype=torch.long)}, "batch of shape"),
    ],
)
def test_from_sorted_checks_what_it_builds_on(change: dict[str, Tensor], message: str) -> None:
    parts = {
        "edge_index": torch.tensor([[1, 0, 2, 1], [0, 1, 1, 2]]),
        "is_target": torch.tensor([True, True, False, False]),
        "target": torch.tensor([[0, 1]]),
        "batch": torch.zeros(3, dtype=torch.long),
        "node": torch.arange(3),
    }
    EnclosingSubgraphs.from_sorted(**parts).check()
    with pytest.raises(ValueError, match=message):
        EnclosingSubgraphs.from_sorted(**{**parts, **change})
    parts["is_target"] = torch.tensor([True, False, False, False])
    made = EnclosingSubgraphs.from_sorted(**parts)
    with pytest.raises(ValueError, match="one direction only"):
        made.pattern(1)


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
