"""The Planetoid module: from raw files alone, without the network, and what it says when they are missing."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

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
