"""Poolings through the command line: by import path, in a task, with the data's own evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gpool import cli
from gpool.data import Digits


class Judged(Digits):
    """Digits with an evaluator."""

    def load(self) -> Any:
        return super().load()[::12]

    def evaluate(self, prediction: Tensor, label: Tensor) -> dict[str, float]:
        return {"hits": float((prediction.argmax(1) == label.view(-1)).float().mean())}


MODELS: dict[str, dict[str, Any]] = {
    "sparse": {"class_path": "gpool.SparseCoarsening", "init_args": {"channels": 16, "ratio": 0.5}},
    "parsing": {"class_path": "gpool.GraphParsing", "init_args": {"channels": 16}},
    "matching": {"class_path": "gpool.EdgeContraction", "init_args": {"channels": 16}},
}


def fit(tmp_path: Path, model: dict[str, Any], data: str) -> int:
    import yaml

    config = {
        "model": {"class_path": "gpool.training.GraphTask", "init_args": model},
        "data": {"class_path": data, "init_args": {"batch_size": 32}},
        "trainer": {
            "max_epochs": 1,
            "default_root_dir": str(tmp_path),
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "logger": False,
            "callbacks": [{"class_path": "gpool.training.OfficialScores"}],
        },
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return cli.main(["fit", "--config", str(path)])


@pytest.mark.parametrize("name", MODELS)
def test_a_pooling_by_import_path(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    model = {
        "encoder": {
            "class_path": "gpool.models.Encoder",
            "init_args": {"hidden_channels": 16, "num_layers": 1},
        },
        "readout": "torch_geometric.nn.MeanAggregation",
        "pooling": [MODELS[name], MODELS[name]],
    }
    assert fit(tmp_path, model, "test_hierarchies.Judged") == 0
    printed = capsys.readouterr().out
    assert "validation hits" in printed
    assert "test hits" in printed


@pytest.mark.parametrize("name", ["GraphParsingNetwork", "SparseHierarchicalNet"])
def test_the_papers_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    model = {"model": {"class_path": f"gpool.models.{name}", "init_args": {"hidden_channels": 16}}}
    assert fit(tmp_path, model, "test_hierarchies.Judged") == 0
    assert "test hits" in capsys.readouterr().out


def test_data_without_an_evaluator_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = {
        "model": {"class_path": "gpool.models.SparseHierarchicalNet", "init_args": {"hidden_channels": 8}}
    }
    with pytest.raises(ValueError, match="evaluate"):
        fit(tmp_path, model, "gpool.data.Digits")


def test_scores_are_those_of_the_best_checkpoint(tmp_path: Path) -> None:
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint

    from gpool.models import SparseHierarchicalNet
    from gpool.training import GraphTask, OfficialScores

    torch.manual_seed(0)
    data = Judged(batch_size=32)
    task = GraphTask(SparseHierarchicalNet(3, hidden_channels=16, out_channels=10), out_channels=10)
    official = OfficialScores()
    best = ModelCheckpoint(tmp_path, monitor="val/acc", mode="max", save_weights_only=True)
    trainer = Trainer(
        max_epochs=6,
        callbacks=[best, official],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(task, data)
    assert official.scores["validation"]["hits"] == pytest.approx(float(best.best_model_score))
    saved = torch.load(best.best_model_path, weights_only=True)
    assert saved["epoch"] + 1 <= 6
