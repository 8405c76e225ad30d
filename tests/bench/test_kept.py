"""What a run leaves beside its record: predictions that give its metrics again, and its weights."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch_geometric.data import Data

import gpool
from gpool.bench import Plan, Store, run_plan
from gpool.bench.kept import CHECKPOINT, PREDICTIONS
from gpool.cli import main
from gpool.data import OneGraph
from gpool.data.base import Task
from gpool.training import GraphTask
from tests.bench.parts import Coins
from tests.bench.plans import ENCODER, plan, task

NODES = {"class_path": "gpool.training.NodeTask", "init_args": {"encoder": ENCODER}}
LINKS = {
    "class_path": "gpool.training.LinkTask",
    "init_args": {"encoder": ENCODER, "scorer": "gpool.link.DotProduct"},
}


class Ring(OneGraph):
    """A ring of twelve nodes with two kinds of features; every third node is tested."""

    task: Task = "multiclass"

    def load(self) -> Data:
        near = torch.arange(12)
        edge_index = torch.stack([torch.cat([near, near]), torch.cat([near.roll(1), near.roll(-1)])])
        masks = {f"{part}_mask": near % 3 == k for k, part in enumerate(("train", "val", "test"))}
        return Data(torch.eye(12)[:, :4] + 0.1, edge_index, y=near % 2, **masks)


class Odd(GraphTask):
    """A task that cannot predict."""

    def predict_step(self, batch: Data, step: int) -> torch.Tensor:
        raise RuntimeError("no\nprediction")


def test_predictions_give_the_accuracy_again(finished: Path) -> None:
    store = Store(finished)
    assert len(store.results()) == 8
    for run in Plan(**plan()).runs():
        rows, record = store.predictions(run.key), store.get(run.key)
        assert rows is not None
        assert record is not None
        assert "files" not in record
        assert list(rows[0]) == ["id", "label", "prediction", "probability_0", "probability_1"]
        assert [int(row["id"]) for row in rows] == Coins(fold=run.fold or 0).split.test.tolist()
        right = np.mean([row["label"] == row["prediction"] for row in rows])
        assert right == pytest.approx(record["metrics"]["test/acc"])
        assert float(rows[0]["probability_0"]) + float(rows[0]["probability_1"]) == pytest.approx(1)
    assert store.predictions("none") is None
    assert list(finished.rglob("*.ckpt")) == []


def test_checkpoints_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    given = Plan(**plan(folds=[0], seeds=[0], readouts={"GNP": "gpool.GNP"}))
    store = Store(tmp_path, keep_checkpoints=True)
    assert run_plan(given, store) == (0, 1, {})
    (run,) = given.runs()
    path = tmp_path / "checkpoints" / f"{run.key}.ckpt"
    assert torch.load(path, weights_only=True)["gpool"]["from"] == "configuration"
    loaded = gpool.load(path).eval()
    data = Coins(fold=0)
    share = torch.cat([loaded(batch) for batch in data.test_dataloader()]).softmax(1)[:, 1]
    rows = store.predictions(run.key)
    assert rows is not None
    assert [float(row["probability_1"]) for row in rows] == pytest.approx(share.tolist(), abs=1e-6)
    assert store.results()[0]["fold"] == 0


def test_a_flag_keeps_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(plan(folds=[0], seeds=[0], readouts={"GNP": "gpool.GNP"})))
    assert main(["bench", str(path), "--out", str(tmp_path / "out"), "--keep-checkpoints"]) == 0
    (kept,) = (tmp_path / "out" / "checkpoints").iterdir()
    assert type(gpool.load(kept)).__name__ == "GraphTask"


def test_nodes_and_links_have_the_rows_of_their_test_part(tmp_path: Path) -> None:
    sets = {
        "nodes": (NODES, "tests.bench.test_kept.Ring"),
        "links": (LINKS, {"class_path": "gpool.data.Links", "init_args": {"neighborhood": None}}),
    }
    for name, (model, data) in sets.items():
        metric = "test/auc" if name == "links" else "test/acc"
        once: dict[str, Any] = {"folds": None, "seeds": [0], "select": None, "trainer": {"max_epochs": 1}}
        given = Plan(model=model, data={name: data}, metric=metric, **once)
        store = Store(tmp_path / name)
        assert run_plan(given, store) == (0, 1, {})
        (run,) = given.runs()
        rows = store.predictions(run.key)
        assert rows is not None
        if name == "nodes":
            assert [row["id"] for row in rows] == ["2", "5", "8", "11"]
            assert [row["label"] for row in rows] == ["0", "1", "0", "1"]
        else:
            assert list(rows[0]) == ["label", "source", "target", "score"]
            labels = [row["label"] for row in rows]
            assert labels == sorted(labels, reverse=True)
            assert set(labels) == {"0", "1"}


def test_a_task_that_cannot_predict_keeps_its_metrics(tmp_path: Path) -> None:
    model = task("tests.bench.test_kept.Odd")
    given = Plan(**plan(model=model, folds=[0], seeds=[0], readouts={"GNP": "gpool.GNP"}))
    store = Store(tmp_path)
    assert run_plan(given, store) == (0, 1, {})
    (record,) = store.results()
    assert record["not_predicted"] == "RuntimeError: no prediction"
    assert "test/acc" in record["metrics"]


def test_files_are_written_before_the_record_and_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    text = gzip.compress(b"id,label\r\n1,a\r\n", mtime=0)
    result = {"metrics": {}, "files": {PREDICTIONS: text, CHECKPOINT: b"x"}}
    store.put("key", result)
    assert store.predictions("key") == [{"id": "1", "label": "a"}]
    assert (tmp_path / "checkpoints" / "key.ckpt").read_bytes() == b"x"
    assert json.loads((tmp_path / "runs" / "key.json").read_text()) == {"metrics": {}}
    assert set(result) == {"metrics", "files"}  # the caller's, as it was
