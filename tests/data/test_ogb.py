"""OGB sets from raw files in place: no network, no question, nothing unpickled but what is allowed."""

from __future__ import annotations

import gzip
import os
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch
from ogb.graphproppred import PygGraphPropPredDataset
from ogb.utils.features import get_atom_feature_dims, get_bond_feature_dims
from payload import Payload
from sklearn.metrics import roc_auc_score

from gpool.data import MissingData, OGBGraph
from gpool.models.molecule import ATOM, BOND


def write(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        for row in rows:
            file.write(",".join(map(str, row if isinstance(row, (list, tuple)) else [row])) + "\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight molecules, chains of 1 to 8 atoms, in OGB's raw format under the name of ogbg-molhiv."""
    folder = tmp_path / "ogb" / "ogbg_molhiv"
    sizes = range(1, 9)
    write(folder / "raw" / "num-node-list.csv.gz", list(sizes))
    write(folder / "raw" / "num-edge-list.csv.gz", [n - 1 for n in sizes])
    write(folder / "raw" / "edge.csv.gz", [(i, i + 1) for n in sizes for i in range(n - 1)])
    write(folder / "raw" / "node-feat.csv.gz", [[n, 0, 1, 5, i, 0, 1, 0, 1] for n in sizes for i in range(n)])
    write(folder / "raw" / "edge-feat.csv.gz", [[i % 4, 0, 1] for n in sizes for i in range(n - 1)])
    write(folder / "raw" / "graph-label.csv.gz", [n % 2 for n in sizes])
    for part, ids in ("train", [6, 0, 3, 4]), ("valid", [1, 2]), ("test", [7, 5]):
        write(folder / "split" / "scaffold" / f"{part}.csv.gz", ids)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("nobody is to be asked")

    def offline(*_: Any, **__: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setattr("builtins.input", refuse)
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    return tmp_path


def test_raw_files_in_place_are_enough(root: Path) -> None:
    for _ in "process", "read back":
        data = OGBGraph("ogbg-molhiv", root, batch_size=2)
        data.setup()
        assert len(data.graphs) == 8
        assert data.task == "binary"
        assert (data.num_features, data.num_outputs) == (9, 1)
        graph = data.graphs[3]
        assert graph.x[:, 4].tolist() == [0, 1, 2, 3]
        assert sorted(graph.edge_index.t().tolist()) == [[0, 1], [1, 0], [1, 2], [2, 1], [2, 3], [3, 2]]
        assert graph.edge_attr.shape == (6, 3)
    assert [part.tolist() for part in data.split] == [[6, 0, 3, 4], [1, 2], [7, 5]]
    assert [batch.y.view(-1).tolist() for batch in data.test_dataloader()] == [[0, 0]]
    assert sum(batch.num_graphs for batch in data.train_dataloader()) == 4


def test_evaluator_is_ogbs(root: Path) -> None:
    data = OGBGraph("ogbg-molhiv", root)
    label = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    prediction = torch.tensor([[0.1], [0.9], [0.2], [0.3]])
    expected = roc_auc_score(label.numpy(), prediction.numpy())
    assert data.evaluate(prediction, label) == {"rocauc": pytest.approx(expected)}


def test_missing_files_are_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"edge\.csv\.gz.*GPOOL_DATA"):
        OGBGraph("ogbg-molbbbp", tmp_path / "elsewhere").setup()
    (root / "ogb" / "ogbg_molhiv" / "raw" / "edge.csv.gz").unlink()
    with pytest.raises(MissingData, match=r"edge\.csv\.gz"):
        OGBGraph("ogbg-molhiv", root).setup()
    assert (root / "ogb" / "ogbg_molhiv" / "raw" / "node-feat.csv.gz").is_file()


def folder(root: Path) -> Path:
    return root / "ogb" / "ogbg_molhiv"


def read(path: Path) -> list[str]:
    with gzip.open(path, "rt") as file:
        return file.read().splitlines()


@pytest.mark.parametrize("name", ["molbbbp", "molfreesolv", "molclintox"])
def test_real_sets_are_ogbs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(os.environ.get("GPOOL_DATA", "data")) / "ogb" / f"ogbg_{name}"
    if not source.is_dir():
        pytest.skip(f"GPOOL_DATA has no ogb/ogbg_{name}")
    copy = tmp_path / "ogb" / source.name
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("processed", "mapping"))
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: load(*a, **{**k, "weights_only": False}))
    theirs = PygGraphPropPredDataset(f"ogbg-{name}", root=str(tmp_path / "ogb"))
    data = OGBGraph(f"ogbg-{name}", tmp_path)
    for _ in "parse", "read back":
        ours = OGBGraph(f"ogbg-{name}", tmp_path).graphs
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert set(a.keys()) == set(b.keys())
            assert a.num_nodes == b.num_nodes
            for key in ("x", "edge_index", "edge_attr", "y"):
                assert a[key].dtype == b[key].dtype
                assert torch.equal(a[key], b[key])
    for part, key in zip(data.split, ("train", "valid", "test"), strict=True):
        assert part.tolist() == theirs.get_idx_split()[key].tolist()


@pytest.mark.parametrize("file", ["geometric_data_processed.pt", "pre_transform.pt", "gpool.npz"])
def test_nothing_in_the_data_root_is_run(root: Path, file: str) -> None:
    (folder(root) / "processed").mkdir()
    torch.save(Payload(root / "trace"), folder(root) / "processed" / file)
    assert len(OGBGraph("ogbg-molhiv", root).graphs) == 8
    torch.save({"train": Payload(root / "trace")}, folder(root) / "split" / "scaffold" / "split_dict.pt")
    with pytest.raises(ValueError, match=r"split_dict\.pt is no split of three arrays"):
        _ = OGBGraph("ogbg-molhiv", root).split
    assert not (root / "trace").exists()


def test_a_split_in_one_file_is_read(root: Path) -> None:
    parts = {"train": torch.tensor([7, 6]), "valid": torch.tensor([1]), "test": torch.tensor([0, 2])}
    torch.save(parts, folder(root) / "split" / "scaffold" / "split_dict.pt")
    assert [part.tolist() for part in OGBGraph("ogbg-molhiv", root).split] == [[7, 6], [1], [0, 2]]


@pytest.mark.parametrize(
    ("part", "rows", "message"),
    [
        ("test", [7, 0], r"test\.csv\.gz, line 2: graph 0 stands in two parts.*train\.csv\.gz, line 2 too"),
        ("test", [7, 8], r"test\.csv\.gz, line 2: position 8 must be one of 0 \.\. 7"),
        ("test", [-1, 7], r"test\.csv\.gz, line 1: position -1 must be"),
        ("valid", [1, 1], r"valid\.csv\.gz, line 2: graph 1 stands in two parts, or twice in one"),
        ("valid", ["nan"], r"valid\.csv\.gz, line 1: 'nan' must be an integer"),
        ("valid", [], r"valid\.csv\.gz is empty"),
    ],
)
def test_a_wrong_split_is_named(root: Path, part: str, rows: list[Any], message: str) -> None:
    write(folder(root) / "split" / "scaffold" / f"{part}.csv.gz", rows)
    with pytest.raises(ValueError, match=message):
        OGBGraph("ogbg-molhiv", root).setup()


@pytest.mark.parametrize(
    ("part", "number", "row", "message"),
    [
        ("edge", 2, "0,3", r"edge\.csv\.gz, line 2: 0, 3 must be two of the graph's atoms 0 \.\. 2"),
        ("edge", 2, "0,-1", r"edge\.csv\.gz, line 2: 0, -1 must be two"),
        ("edge", 28, None, r"edge\.csv\.gz has 27 lines; it must have 28, the sum of num-edge-list"),
        (
            "node-feat",
            3,
            "119,0,1,5,0,0,1,0,1",
            r"line 3: 119 of feature 'atomic number' must be one of 0 \.\. 118",
        ),
        ("node-feat", 3, "1,0,1,5,0,0,1,0,-1", r"line 3: -1 of feature 'in a ring' must be one of 0 \.\. 1"),
        ("node-feat", 3, "1,0", r"node-feat\.csv\.gz, line 3: '1,0' must be 9 integers"),
        ("edge-feat", 1, "5,0,0", r"edge-feat\.csv\.gz, line 1: 5 of feature 'type' must be"),
        ("graph-label", 3, "2", r"graph-label\.csv\.gz, line 3: every label must be 0, 1 or nothing"),
        ("graph-label", 8, None, r"graph-label\.csv\.gz has 7 lines; it must have 8"),
        ("num-node-list", 8, "9", r"node-feat\.csv\.gz has 36 lines; it must have 37"),
        ("num-edge-list", 2, "-1", r"num-edge-list\.csv\.gz, line 2: -1 must be at least 0"),
    ],
)
def test_damage_is_named(root: Path, part: str, number: int, row: str | None, message: str) -> None:
    _ = OGBGraph("ogbg-molhiv", root).graphs
    path = folder(root) / "raw" / f"{part}.csv.gz"
    lines = read(path)
    write(path, [*lines[: number - 1], *([] if row is None else [row]), *lines[number:]])
    with pytest.raises(ValueError, match=message):  # although an intact cache is there
        _ = OGBGraph("ogbg-molhiv", root).graphs


def test_a_cut_file_is_named(root: Path) -> None:
    path = folder(root) / "raw" / "edge.csv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"edge\.csv\.gz is not a whole gzip file"):
        _ = OGBGraph("ogbg-molhiv", root).graphs


def test_missing_labels_are_nan(root: Path) -> None:
    tox = root / "ogb" / "ogbg_molclintox"
    shutil.copytree(folder(root), tox)
    write(tox / "raw" / "graph-label.csv.gz", ["1.0,0.0", ",1.0", *["0.0,0.0"] * 6])
    data = OGBGraph("ogbg-molclintox", root)
    assert data.task == "multilabel"
    assert data.graphs[0].y.tolist() == [[1, 0]]
    assert data.graphs[1].y.isnan().tolist() == [[True, False]]


def test_a_cut_cache_is_made_again(root: Path) -> None:
    whole = [graph.to_dict() for graph in OGBGraph("ogbg-molhiv", root).graphs]
    path = folder(root) / "processed" / "gpool.npz"
    content = path.read_bytes()
    for length in range(0, len(content), 211):
        path.write_bytes(content[:length])
        again = [graph.to_dict() for graph in OGBGraph("ogbg-molhiv", root).graphs]
        assert all(
            torch.equal(a["x"], b["x"]) and torch.equal(a["y"], b["y"])
            for a, b in zip(whole, again, strict=True)
        )
        assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["ogbg-mol/../../x", "ogbg-mol\\x", "ogbg-mol x"])
def test_a_name_that_is_a_path_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be letters, digits"):
        OGBGraph(name, tmp_path)


def test_a_name_that_ogb_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"name='ogbg-molnone' must be one of ogbg-molbace"):
        OGBGraph("ogbg-molnone", tmp_path).setup()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ogbg-ppa", "molhiv"])
def test_other_sets_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"name='{name}'"):
        OGBGraph(name)


def test_category_tables_are_ogbs() -> None:
    assert list(ATOM) == get_atom_feature_dims()
    assert list(BOND) == get_bond_feature_dims()
