"""A user's own graphs: where they come from, what is found in their labels, and their splits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, InMemoryDataset

from gpool.data import Graphs, NewGraphs

EDGES = torch.tensor([[0, 1], [1, 0]])


def graphs(count: int = 40, label: Any = lambda k: torch.tensor([k % 2]), **more: Any) -> list[Data]:
    generator = torch.Generator().manual_seed(0)
    return [Data(torch.randn(2, 3, generator=generator), EDGES, y=label(k), **more) for k in range(count)]


class InMemory(InMemoryDataset):
    """A PyG data set of 30 graphs, with an argument."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.data, self.slices = self.collate(graphs(30, lambda k: torch.tensor([k % classes])))


def made(count: int = 20) -> list[Data]:
    return graphs(count, lambda k: f"class {k % 4}")


made_list = graphs(12)
no_graphs = "nothing"


@pytest.mark.parametrize(
    ("label", "task", "classes", "outputs"),
    [
        (lambda k: torch.tensor([k % 2]), "binary", (0, 1), 1),
        (lambda k: k % 3, "multiclass", (0, 1, 2), 3),
        (lambda k: torch.tensor(5 * (k % 2)), "binary", (0, 5), 1),
        (lambda k: torch.tensor([2 * (k % 2) - 1]), "binary", (-1, 1), 1),
        (lambda k: ("dog", "cat", "cow")[k % 3], "multiclass", ("cat", "cow", "dog"), 3),
        (lambda k: k % 2 == 0, "binary", (0, 1), 1),
        (lambda k: torch.tensor([k % 2 == 0]), "binary", (False, True), 1),
        (lambda k: torch.tensor([[float(k % 2) if k else torch.nan]]), "binary", (0, 1), 1),
        (lambda k: torch.tensor([[k % 2, 1, 0]]), "multilabel", None, 3),
        (lambda k: torch.tensor([[float(k % 2), 1, torch.nan]]), "multilabel", None, 3),
        (lambda k: 0.37 * k, "regression", None, 1),
        (lambda k: torch.tensor([0.5 * k, k], dtype=torch.float64), "regression", None, 2),
    ],
)
def test_the_task_is_found_from_the_labels(
    label: Any, task: str, classes: tuple[Any, ...] | None, outputs: int
) -> None:
    data = Graphs(graphs(label=label), folds=4)
    data.setup()
    assert (data.task, data.classes, data.num_outputs) == (task, classes, outputs)
    assert sorted(np.concatenate(data.split)) == list(range(40))
    batch = next(iter(data.predict_dataloader()))
    assert batch.y.shape == ((32,) if task == "multiclass" else (32, outputs))
    if classes is not None and isinstance(label(0), (str, int)):
        assert [classes[k] for k in data.labels] == [label(k) for k in range(40)]


def test_a_given_task_wins() -> None:
    data = Graphs(graphs(label=lambda k: k % 3), task="regression")
    assert (data.task, data.num_outputs, data.classes) == ("regression", 1, None)
    assert data.graphs.batch([2]).y.tolist() == [[2.0]]
    data = Graphs(graphs(), task="multiclass")
    assert (data.task, data.num_outputs, data.classes) == ("multiclass", 2, (0, 1))


@pytest.mark.parametrize(
    ("label", "task", "message"),
    [
        (lambda k: 0.37 * k, "multiclass", r"graph 1: y=0.37 is no class; task='multiclass' needs classes"),
        (lambda k: k % 3, "binary", r"y has the 3 classes 0, 1, 2; task='binary' needs 2"),
        (lambda k: "abc"[k % 3], "regression", r"graph 0: y='a' must be a number for task='regression'"),
        (lambda k: "abc"[k % 3], "binary", r"y has the 3 classes 'a', 'b', 'c'; task='binary' needs 2"),
        (lambda k: torch.tensor([[k % 2, 2]]), "multilabel", r"graph 0: y=2 must be 0, 1 or NaN"),
        (lambda k: torch.tensor([[k % 2, 1]]), "multiclass", r"graph 0: y has 2 columns, it must have 1"),
        (lambda k: 7, None, r"every label is 7; a classification needs two classes"),
        (lambda k: float("inf") if k == 3 else 0.5, None, r"graph 3: y=inf must be finite"),
        (lambda k: float("nan"), None, r"every label is missing"),
        (lambda k: float("nan") if k == 2 else k % 2.0, "multiclass", r"graph 2: y=nan is no class"),
        (lambda k: {"a": k}, None, r"graph 0: y is dict, it must be a tensor, a number or a string"),
        (lambda k: k % 2, "sorting", r"task='sorting' must be one of 'binary', 'multiclass'"),
    ],
)
def test_labels_that_do_not_suit_are_refused(label: Any, task: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Graphs(graphs(label=label), task=task).setup()
    assert "\n" not in str(caught.value)


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_module", sys.modules[__name__])
    torch.save(graphs(10), tmp_path / "list.pt")
    InMemoryDataset.save(graphs(11), str(tmp_path / "set.pt"))
    for source, init_args, count in [
        (graphs(10), None, 10),
        (tuple(graphs(10)), None, 10),
        (InMemory(), None, 30),
        (InMemory()[:20], None, 20),
        (str(tmp_path / "list.pt"), None, 10),
        (str(tmp_path / "set.pt"), None, 11),
        ("my_module.made", None, 20),
        ("my_module.made", {"count": 8}, 8),
        ("my_module.InMemory", {"classes": 2}, 30),
        ("my_module.made_list", None, 12),
    ]:
        data = Graphs(source, init_args=init_args)  # type: ignore[arg-type]
        assert len(data.graphs) == count, source
        assert data.num_features == 3


class Harmful:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import pathlib; pathlib.Path('harm').write_text('done')",))


def test_a_file_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save([Harmful()], "bad.pt")
    with pytest.raises(ValueError, match=r"source='bad.pt' cannot be loaded safely; it must hold"):
        Graphs("bad.pt").setup()
    assert not Path("harm").exists()


@pytest.mark.parametrize(
    ("source", "init_args", "error", "message"),
    [
        ("my_module.mad", None, ValueError, r"source='my_module.mad' cannot be imported: .* 'mad'"),
        ("no_such_module.made", None, ValueError, r"cannot be imported: No module named 'no_such_module'"),
        ("made", None, ValueError, r"source='made' must be a list .*such as my_module.my_graphs"),
        ("my_module.made", {"cont": 3}, TypeError, r"with init_args=\{'cont': 3\}: .*'cont'"),
        ("my_module.made_list", {"count": 3}, ValueError, r"init_args=\{'count': 3\} must be left out"),
        ("my_module.no_graphs", None, TypeError, r"source='my_module.no_graphs' is str, it must be a list"),
        ("there.pt", None, FileNotFoundError, r"source='there.pt' is no file"),
        (3, None, TypeError, r"source=int is int, it must be a list of torch_geometric.data.Data"),
        ([1, 2], None, TypeError, r"source=list: graph 0 is int, it must be a torch_geometric Data"),
        (made_list, {"count": 3}, ValueError, r"init_args=.* need a source that is an import path"),
        ([], None, ValueError, r"the set has no graphs"),
    ],
)
def test_sources_that_are_none(
    source: Any, init_args: Any, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "my_module", sys.modules[__name__])
    with pytest.raises(error, match=message) as caught:
        Graphs(source, init_args=init_args).setup()
    assert "\n" not in str(caught.value)


def test_ids_are_the_graphs_own_or_their_positions() -> None:
    assert Graphs(graphs(5)).ids == [0, 1, 2, 3, 4]
    named = graphs(5)
    for k, graph in enumerate(named):
        graph.graph_id = torch.tensor([10 * k])
    assert Graphs(named).ids == [0, 10, 20, 30, 40]
    for k, graph in enumerate(named):
        graph.id = f"mol{k}"
    assert Graphs(named).ids == ["mol0", "mol1", "mol2", "mol3", "mol4"]


def test_parts_and_what_is_predicted() -> None:
    data = Graphs(graphs(20), splits={"train": [5, 3, 4], "val": range(6, 9), "test": np.arange(20) > 17})
    assert data.split.train.tolist() == [3, 4, 5]
    assert data.part_of == [""] * 3 + ["train"] * 3 + ["val"] * 3 + [""] * 9 + ["test"] * 2
    assert [batch.num_graphs for batch in data.predict_dataloader()] == [20]
    assert torch.equal(next(iter(data.predict_dataloader())).x, torch.cat([g.x for g in graphs(20)]))


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": [0], "test": [1]}, r"splits has the parts train, test; it must have train, val and test"),
        ({"train": [0], "val": [1], "test": [40]}, r"splits, test\[0\]: position 40 must be one of 0 .. 39"),
        ({"train": [0, 7], "val": [1], "test": [7]}, r"splits, test\[0\]: graph 7 stands in two parts"),
        ({"train": [0], "val": [], "test": [7]}, r"splits, val is empty"),
        ({"train": [0], "val": [0.5], "test": [7]}, r"splits, val must be a list of positions, or a boolean"),
        ({"train": [0], "val": [True], "test": [7]}, r"val must be .* mask of 40 entries"),
        ({"train": [0], "val": "all", "test": [7]}, r"splits, val must be a list of positions"),
    ],
)
def test_splits_that_do_not_fit(splits: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Graphs(graphs(), splits=splits).setup()


def test_published_folds_must_be_those_of_the_set(tmp_path: Path) -> None:
    for part, positions in {"train": range(2, 30), "test": range(2)}.items():
        (tmp_path / f"{part}_idx-1.txt").write_text("\n".join(map(str, positions)))
    assert Graphs(graphs(30), split_files=str(tmp_path)).split.test.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"fold 0 lists 30 graphs, the set has 40; the folds must be those"):
        Graphs(graphs(40), split_files=str(tmp_path)).setup()
    with pytest.raises(ValueError, match=r"position 20 must be one of 0 .. 19"):
        Graphs(graphs(20), split_files=str(tmp_path)).setup()
    with pytest.raises(ValueError, match=r"splits must be given without split_files and fold"):
        Graphs(graphs(20), split_files=str(tmp_path), splits={})


def test_classes_that_are_too_small_for_folds() -> None:
    with pytest.raises(ValueError, match=r"folds=10 cannot be stratified: class 0 has 1 of the 40 labels"):
        Graphs(graphs(label=lambda k: k)).setup()


def test_new_graphs_need_no_labels() -> None:
    bare = [Data(g.x, g.edge_index, id=f"g{k}") for k, g in enumerate(graphs(5))]
    data = NewGraphs(bare, num_features=3, batch_size=2)
    assert (data.ids, data.labels, data.num_features) == (["g0", "g1", "g2", "g3", "g4"], None, 3)
    assert [batch.num_graphs for batch in data.predict_dataloader()] == [2, 2, 1]
    labeled = NewGraphs(graphs(3, lambda k: "ab"[k % 2]))
    assert labeled.labels == ["a", "b", "a"]
    assert "y" not in next(iter(labeled.predict_dataloader()))
    with pytest.raises(ValueError, match=r"x has 3 columns, it must have 4, as the graphs trained on"):
        NewGraphs(bare, num_features=4).setup()


def test_a_configuration_names_the_graphs_by_import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpool.config import Configuration

    monkeypatch.setitem(sys.modules, "my_module", sys.modules[__name__])
    encoder = {"class_path": "gpool.models.Encoder", "init_args": {"hidden_channels": 8, "num_layers": 2}}
    task = {"encoder": encoder, "readout": {"class_path": "gpool.PowerMean"}}
    for given, classes, tasks in [
        ({"source": "my_module.made", "init_args": {"count": 12}}, 4, "multiclass"),
        ({"source": {"class_path": "my_module.InMemory", "init_args": {"classes": 2}}}, 1, "binary"),
        (
            {"source": "my_module.made_list", "splits": {"train": [0, 1], "val": [2], "test": [3]}},
            1,
            "binary",
        ),
    ]:
        config = {
            "model": {"class_path": "gpool.training.GraphTask", "init_args": task},
            "data": {"class_path": "gpool.data.Graphs", "init_args": given},
            "trainer": {"logger": False},
        }
        model = Configuration(config, run=False).model
        assert (model.objective.task, model.objective.outputs) == (tasks, classes)
