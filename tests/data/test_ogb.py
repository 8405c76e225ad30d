"""OGB sets from raw files in place: no network, no question, nothing unpickled but what is allowed."""

from __future__ import annotations

import gzip
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch
from ogb.utils.features import get_atom_feature_dims, get_bond_feature_dims
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


@pytest.mark.parametrize("name", ["ogbg-ppa", "molhiv"])
def test_other_sets_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"name='{name}'"):
        OGBGraph(name)


def test_category_tables_are_ogbs() -> None:
    assert list(ATOM) == get_atom_feature_dims()
    assert list(BOND) == get_bond_feature_dims()
