"""The Planetoid module: from raw files alone, without the network, and what it says when they are missing."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from payload import Payload
from scipy.sparse import csr_matrix
from torch_geometric.datasets import Planetoid as PlanetoidDataset
from torch_geometric.transforms import NormalizeFeatures

from gpool.data import MissingData, Planetoid

CLASSES, TRAIN, TEST, NODES, FEATURES = 3, 15, 40, 600, 6


def write_raw(folder: Path) -> np.ndarray:
    """A small set in the format of the collection: 15 + 500 + 45 nodes, then 40 to test on, shuffled."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (NODES, FEATURES)) + np.eye(FEATURES)[np.arange(NODES) % FEATURES]
    label = np.arange(NODES) % CLASSES
    y, known = np.eye(CLASSES, dtype=int)[label], NODES - TEST
    graph = {i: [(i + CLASSES) % NODES, (i - CLASSES) % NODES] for i in range(NODES)}
    order = known + rng.permutation(TEST)
    parts = {
        "x": csr_matrix(x[:TRAIN]),
        "y": y[:TRAIN],
        "allx": csr_matrix(x[:known]),
        "ally": y[:known],
        "tx": csr_matrix(x[order]),
        "ty": y[order],
        "graph": graph,
    }
    for name, value in parts.items():
        (folder / f"ind.cora.{name}").write_bytes(pickle.dumps(value))
    (folder / "ind.cora.test.index").write_text("".join(f"{i}\n" for i in order))
    return x


def test_reads_what_lies_under_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = write_raw(tmp_path / "planetoid" / "Cora" / "raw")
    monkeypatch.setenv("GPOOL_DATA", str(tmp_path))
    data = Planetoid("Cora")
    graph = data.graph
    torch.testing.assert_close(graph.x, torch.tensor(x / x.sum(1, keepdims=True), dtype=torch.float32))
    assert torch.equal(graph.y, torch.arange(NODES) % CLASSES)
    assert [int(graph[f"{part}_mask"].sum()) for part in ("train", "val", "test")] == [TRAIN, 500, TEST]
    assert (data.num_features, data.num_outputs, data.task) == (FEATURES, CLASSES, "multiclass")
    loaders = (
        data.train_dataloader(),
        data.val_dataloader(),
        data.test_dataloader(),
        data.predict_dataloader(),
    )
    for loader in loaders:
        (batch,) = loader
        assert batch.x.shape == (NODES, FEATURES)
        assert batch.edge_index.shape == (2, 2 * NODES)
    raw = Planetoid("Cora", root=tmp_path, normalize=False, split="full").graph
    torch.testing.assert_close(raw.x, torch.tensor(x, dtype=torch.float32))
    assert int(raw.train_mask.sum()) == NODES - 500 - TEST


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **options: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(MissingData, match=r"place ind\.citeseer\.x, .*ind\.citeseer\.test\.index there"):
        Planetoid("CiteSeer", root=tmp_path).setup()
    with pytest.raises(MissingData, match=r"cora_split_0\.6_0\.2_3\.npz there"):
        Planetoid("Cora", root=tmp_path, split="geom-gcn", fold=3).setup()


ROOT = Path(os.environ.get("GPOOL_DATA", "data"))


@pytest.mark.parametrize("split", ["public", "full", "geom-gcn"])
@pytest.mark.parametrize("name", ["Cora", "CiteSeer"])
def test_real_sets_are_pygs(name: str, split: str, tmp_path: Path) -> None:
    if not (ROOT / "planetoid" / name / "geom-gcn" / "raw").is_dir():
        pytest.skip(f"GPOOL_DATA has no planetoid/{name}")
    for part in ("raw", "geom-gcn/raw"):
        (tmp_path / "planetoid" / name / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "planetoid" / name / part).symlink_to((ROOT / "planetoid" / name / part).resolve())
    theirs = PlanetoidDataset(tmp_path / "planetoid", name, split=split, transform=NormalizeFeatures())[0]
    for fold in (0, 9) if split == "geom-gcn" else (0,):
        ours = Planetoid(name, tmp_path, split=split, fold=fold).graph
        assert set(ours.keys()) == set(theirs.keys())
        for key in ours.keys():  # noqa: SIM118
            value = theirs[key] if theirs[key].dim() == 1 or "mask" not in key else theirs[key][:, fold]
            value = value.bool() if "mask" in key else value
            assert ours[key].dtype == value.dtype
            assert torch.equal(ours[key], value), key


@pytest.mark.parametrize("file", ["processed/data.pt", "processed/pre_transform.pt", "raw/ind.cora.graph"])
def test_nothing_in_the_data_root_is_run(tmp_path: Path, file: str) -> None:
    write_raw(tmp_path / "planetoid" / "Cora" / "raw")
    trace, path = tmp_path / "trace", tmp_path / "planetoid" / "Cora" / file
    path.parent.mkdir(exist_ok=True)
    if file.startswith("raw"):
        path.write_bytes(pickle.dumps({0: [Payload(trace)]}))
        with pytest.raises(ValueError, match=r"ind\.cora\.graph is no pickled array"):
            _ = Planetoid("Cora", tmp_path).graph
    else:
        torch.save(Payload(trace), path)
        assert Planetoid("Cora", tmp_path).graph.num_nodes == NODES
    assert not trace.exists()


def replaced(folder: Path, part: str, value: object) -> None:
    (folder / f"ind.cora.{part}").write_bytes(pickle.dumps(value))


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("graph", {0: [NODES]}, r"ind\.cora\.graph names node 600, which is not one of 0 \.\. 599"),
        ("graph", {0: [-1]}, r"names node -1"),
        ("graph", {0: ["a"]}, r"must hold a dict of lists of node numbers"),
        ("graph", np.eye(3), r"must hold a dict of lists of node numbers"),
        ("x", {0: [1]}, r"ind\.cora\.x must hold a matrix of numbers"),
        ("x", np.eye(TRAIN, 4), r"ind\.cora\.x does not fit the other files: it must have as many columns"),
        (
            "y",
            np.eye(3),
            r"ind\.cora\.y does not fit the other files: it must have as many rows as ind\.cora\.x",
        ),
        ("ally", np.eye(NODES, 3), r"ind\.cora\.ally does not fit"),
        ("ty", np.eye(TEST, 4), r"ind\.cora\.ty does not fit the other files: it must have as many columns"),
        ("tx", np.full((TEST, FEATURES), np.nan), r"ind\.cora\.tx: row 0 holds a number that is not finite"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path: Path, part: str, value: object, message: str) -> None:
    folder = tmp_path / "planetoid" / "Cora" / "raw"
    write_raw(folder)
    replaced(folder, part, value)
    with pytest.raises(ValueError, match=message):
        _ = Planetoid("Cora", tmp_path).graph


@pytest.mark.parametrize(
    ("number", "text", "message"),
    [
        (3, "5", r"test\.index, line 3: node 5 must be one of 560 \.\. 599"),
        (3, "600", r"line 3: node 600 must be"),
        (1, "x", r"line 1: 'x' must be an integer"),
    ],
)
def test_test_nodes_are_checked(tmp_path: Path, number: int, text: str, message: str) -> None:
    folder = tmp_path / "planetoid" / "Cora" / "raw"
    write_raw(folder)
    path = folder / "ind.cora.test.index"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[: number - 1], text, *lines[number:]]) + "\n")
    with pytest.raises(ValueError, match=message):
        _ = Planetoid("Cora", tmp_path).graph
    path.write_text("\n".join([*lines[:-1], lines[0]]) + "\n")
    with pytest.raises(ValueError, match="every node once"):
        _ = Planetoid("Cora", tmp_path).graph


def test_fixed_splits_are_checked(tmp_path: Path) -> None:
    folder = tmp_path / "planetoid" / "Cora" / "geom-gcn" / "raw"
    write_raw(folder)
    masks = {f"{part}_mask": np.arange(NODES) % 3 == k for k, part in enumerate(("train", "val", "test"))}
    path = folder / "cora_split_0.6_0.2_4.npz"
    np.savez(path, **masks)
    graph = Planetoid("Cora", tmp_path, split="geom-gcn", fold=4).graph
    assert torch.equal(graph.val_mask, torch.arange(NODES) % 3 == 1)
    for change, message in (
        ({"test_mask": masks["val_mask"]}, "node 1 stands in two parts of the split"),
        ({"test_mask": np.ones(5, dtype=bool)}, r"test_mask of shape \(5,\) must be \[600\]"),
        ({"test_mask": np.array([{}])}, "is no split of three masks"),
    ):
        np.savez(path, **(masks | change))
        with pytest.raises(ValueError, match=message):
            _ = Planetoid("Cora", tmp_path, split="geom-gcn", fold=4).graph


def test_files_are_fetched_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_raw(tmp_path / "server")
    monkeypatch.setattr(PlanetoidDataset, "url", (tmp_path / "server").as_uri())
    assert Planetoid("Cora", tmp_path / "root").graph.num_nodes == NODES
    (tmp_path / "server" / "ind.cora.x").unlink()
    (tmp_path / "root" / "planetoid" / "Cora" / "raw" / "ind.cora.x").unlink()
    with pytest.raises(MissingData, match=r"place ind\.cora\.x there"):
        _ = Planetoid("Cora", tmp_path / "root").graph


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "cora"}, "name='cora' must be one of Cora"),
        ({"name": "Cora", "split": "random"}, "split='random' must be one of public"),
        ({"name": "Cora", "fold": 1}, "fold=1 must be between 0 and 0"),
        ({"name": "Cora", "split": "geom-gcn", "fold": 10}, "fold=10 must be between 0 and 9"),
    ],
)
def test_bad_arguments(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Planetoid(**options)
