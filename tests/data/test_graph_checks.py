"""What is refused before training, in one line, and what is converted with a note."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.data import Batch, Data, OnDiskDataset

from gpool.data import TU, Graphs, NewGraphs


def graphs(count: int = 30) -> list[Data]:
    generator = torch.Generator().manual_seed(0)
    return [
        Data(
            x=torch.randn(3, 2, generator=generator),
            edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]),
            edge_attr=torch.randn(3, 1, generator=generator),
            y=torch.tensor([k % 2]),
            id=f"m{k}",
        )
        for k in range(count)
    ]


class OnDisk(OnDiskDataset):
    """Graphs in a database."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root), log=False)


class Odd(Data):
    """Graphs that are collated by PyG, as their attributes count in their own way."""

    def __inc__(self, key: str, value: Any, *args: Any, **more: Any) -> Any:
        return super().__inc__(key, value, *args, **more)


def listed(given: list[Data], _: Path) -> Any:
    return given


def odd(given: list[Data], _: Path) -> Any:
    return [Odd(**graph.to_dict()) for graph in given]


def on_disk(given: list[Data], folder: Path) -> Any:
    stored = OnDisk(folder)
    stored.extend(given)
    return stored


def spoil(**change: Any) -> Callable[[list[Data]], None]:
    """Give the graph at position 7 other attributes; None leaves one out."""

    def change_one(given: list[Data]) -> None:
        for key, value in change.items():
            given[7][key] = value

    return change_one


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("kind", [listed, odd, on_disk])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil(x=None), r"graph 7 \(id 'm7'\) has no x; every graph needs node features \[N, D\]"),
        (spoil(y=None), r"graph 7 \(id 'm7'\) has no y; every graph needs a label"),
        (spoil(edge_index=None), r"graph 7 \(id 'm7'\) has no edge_index; every graph needs edges"),
        (spoil(edge_attr=None), r"graph 7 \(id 'm7'\) has no edge_attr, graph 0 has one"),
        (spoil(pos=torch.zeros(3, 2)), r"graph 7 \(id 'm7'\) has pos, graph 0 has none"),
        (spoil(x=torch.zeros(3)), r"graph 7 \(id 'm7'\): x has shape \[3\], it must be \[N, D\]"),
        (
            spoil(x=torch.zeros(3, 5)),
            r"graph 7 .*: x has shape \[3, 5\] and that of graph 0 \[3, 2\]; the width",
        ),
        (
            spoil(x=torch.zeros(3, 2).bool()),
            r"graph 7 .*: x is bool, it must be float32, float64 or of integers",
        ),
        (spoil(x=torch.zeros(3, 2).half()), r"graph 7 .*: x is float16, it must be float32"),
        (spoil(x=[[1.0]]), r"graph 7 .*: x is list, it must be a tensor \[N, D\]"),
        (
            spoil(edge_index=torch.zeros(3, 2).long()),
            r"graph 7 .*: edge_index has shape \[3, 2\], it must be \[2, E\]",
        ),
        (
            spoil(edge_index=torch.zeros(2, 3)),
            r"graph 7 .*: edge_index is float32, it must be int64 or int32",
        ),
        (
            spoil(edge_index=torch.tensor([[0, 1, 3], [1, 2, 0]])),
            r"graph 7 \(id 'm7'\): edge_index holds the edge \[3, 0\]; its nodes are 0 .. 2",
        ),
        (spoil(edge_index=torch.tensor([[0, 1, 2], [1, -1, 0]])), r"graph 7 .*the edge \[1, -1\]"),
        (
            spoil(x=torch.tensor([[0, 1], [NAN, 1], [0, 0]])),
            r"graph 7 .*: x holds NaN; features must be finite",
        ),
        (spoil(x=torch.tensor([[0, 1], [-INF, 1], [0, 0]])), r"graph 7 .*: x holds an infinite number"),
        (spoil(edge_attr=torch.tensor([[0], [NAN], [1.0]])), r"graph 7 .*: edge_attr holds NaN"),
        (spoil(edge_attr=torch.zeros(2, 1)), r"graph 7 .*: edge_attr has 2 for 3 edges"),
        (
            spoil(x=torch.zeros(0, 2), edge_index=torch.zeros(2, 0).long(), edge_attr=torch.zeros(0, 1)),
            r"graph 7 .*: x has no rows; a graph must have a node",
        ),
        (
            spoil(y=torch.tensor([0, 1])),
            r"graph 7 .*: y has 2 entries, that of graph 0 has 1; every graph must",
        ),
        (spoil(y=torch.tensor([INF])), r"graph 7 .*: y=inf must be finite"),
    ],
)
def test_a_graph_that_cannot_be_trained_on_is_named(
    kind: Callable[..., Any], change: Callable[[list[Data]], None], message: str, tmp_path: Path
) -> None:
    given = graphs()
    change(given)
    with pytest.raises(ValueError, match=message) as caught:
        Graphs(kind(given, tmp_path)).setup()
    assert "\n" not in str(caught.value)


def test_all_graphs_without_features() -> None:
    with pytest.raises(ValueError, match=r"graph 0 has no x; every graph needs node features"):
        Graphs([Data(edge_index=g.edge_index, y=g.y, num_nodes=3) for g in graphs()]).setup()
    with pytest.raises(ValueError, match=r"graph 0: num_nodes says 4 for 3 rows of x"):
        Graphs([Data(x=g.x, edge_index=g.edge_index, y=g.y, num_nodes=4) for g in graphs()]).setup()


@pytest.mark.parametrize("kind", [listed, odd, on_disk])
def test_dtypes_follow_one_rule_and_a_note_says_so(kind: Callable[..., Any], tmp_path: Path) -> None:
    given = graphs()
    for graph in given:
        graph.x = graph.x.round().long()
        graph.edge_index, graph.edge_attr = graph.edge_index.int(), graph.edge_attr.double()
    data = Graphs(kind(given, tmp_path))
    with pytest.warns(UserWarning, match="is trained on as") as told:
        data.setup()
    batch = next(iter(data.predict_dataloader()))
    assert [str(note.message) for note in told] == [
        "x is int64 and is trained on as float32; categorical=True keeps integers",
        "edge_index is int32 and is trained on as int64",
        "edge_attr is float64 and is trained on as float32",
    ]
    assert (batch.x.dtype, batch.edge_index.dtype, batch.edge_attr.dtype) == (
        torch.float32,
        torch.int64,
        torch.float32,
    )
    assert given[0].x.dtype is torch.int64  # the owner's graphs stay as they are
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = graphs()
        for graph in plain:
            graph.x = graph.x.round().long()
        assert Graphs(plain, categorical=True).graphs[0].x.dtype is torch.int64


@pytest.mark.parametrize("kind", [odd, on_disk])
def test_graphs_that_are_fetched_deliver_the_same_batches(kind: Callable[..., Any], tmp_path: Path) -> None:
    given = graphs(45)
    for k, graph in enumerate(given):
        graph.y = ("no", "yes")[k % 2]
    one, other = Graphs(given, batch_size=7), Graphs(kind(given, tmp_path), batch_size=7)
    assert (one.classes, one.ids, one.task, one.part_of) == (
        other.classes,
        other.ids,
        other.task,
        other.part_of,
    )
    for part in ("train", "val", "test", "predict"):
        batches = [list(getattr(data, f"{part}_dataloader")()) for data in (one, other)]
        for ours, theirs in zip(*batches, strict=True):
            assert isinstance(theirs, Batch)
            for key in ("x", "edge_index", "edge_attr", "y", "batch", "ptr"):
                assert torch.equal(ours[key], theirs[key]), key
            assert ours.id == theirs.id


def test_a_part_of_a_set_on_disk(tmp_path: Path) -> None:
    stored = on_disk(graphs(20), tmp_path)
    data = NewGraphs(stored[5:15])
    assert data.ids == [f"m{k}" for k in range(5, 15)]
    assert next(iter(data.predict_dataloader())).id == data.ids


def test_shuffled_batches_are_those_of_pyg_s_loader() -> None:
    from torch_geometric.loader import DataLoader

    data = Graphs(graphs(60), batch_size=8)
    data.setup()
    torch.manual_seed(3)
    ours = [batch.id for batch in data.train_dataloader()]
    generator = torch.Generator().manual_seed(3)
    listed = [graphs(60)[k] for k in data.split.train]
    assert ours == [batch.id for batch in DataLoader(listed, 8, shuffle=True, generator=generator)]


def test_known_sets_go_through_the_same_door(tmp_path: Path) -> None:
    from tu_writer import write_tu

    write_tu(tmp_path, "BOTH", node_labels=True, attributes=True)
    file = tmp_path / "tu" / "BOTH" / "raw" / "BOTH_node_attributes.txt"
    data = TU("BOTH", root=tmp_path, folds=5)
    data.setup()
    assert (data.task, data.classes, data.ids) == ("multiclass", (0, 1), list(range(20)))
    assert set(data.part_of) == {"train", "val", "test"}
    lines = file.read_text().splitlines()
    lines[4] = lines[4].replace(lines[4].split(",")[0], "nan", 1)
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match="nan"):
        TU("BOTH", root=tmp_path, folds=5).setup()
