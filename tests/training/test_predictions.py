"""Columns of predictions for every kind of label, and the table that a trainer writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

import gpool
from gpool.models import Encoder
from gpool.training import GraphTask, PredictionTable
from gpool.training.prediction_columns import label_columns, prediction_columns
from gpool.training.prediction_file import PredictionFile
from tests.config.labeled import Named, Unlabeled


def test_classes_have_the_users_labels_and_probabilities() -> None:
    logits = torch.tensor([[0.0, 3.0, 0.0], [5.0, 0.0, 0.0]])
    found = prediction_columns(logits, "multiclass", ("a", "b", "c"))
    assert list(found) == ["prediction", "probability_a", "probability_b", "probability_c"]
    assert found["prediction"] == ["b", "a"]
    assert float(found["probability_b"][0]) == pytest.approx(float(logits[0].softmax(0)[1]), abs=1e-7)
    assert prediction_columns(logits, "multiclass")["prediction"] == [1, 0]
    with pytest.raises(ValueError, match=r"classes=\['a', 'b'\] must be 3"):
        prediction_columns(logits, "multiclass", ("a", "b"))


def test_two_classes_have_one_logit() -> None:
    found = prediction_columns(torch.tensor([[2.0], [-90.0]]), "binary", (-1, 1))
    assert found["prediction"] == [1, -1]
    assert [float(value) for value in found["probability_1"]] == pytest.approx(
        [0.8807970, 8.1940e-40], rel=1e-5
    )
    assert found["probability_-1"][1] == "1.0"


def test_several_targets_are_numbered() -> None:
    found = prediction_columns(torch.tensor([[2.0, -1.0]]), "multilabel")
    assert (found["prediction_0"], found["prediction_1"]) == ([1], [0])
    assert list(found)[2:] == ["probability_0", "probability_1"]
    assert list(prediction_columns(torch.rand(3, 2), "regression")) == ["prediction_0", "prediction_1"]
    assert prediction_columns(torch.tensor([[0.1], [1e-9]]), "regression") == {"prediction": ["0.1", "1e-09"]}
    assert list(prediction_columns(torch.rand(3, 2), None)) == ["output_0", "output_1"]


def test_numbers_have_the_digits_of_their_type() -> None:
    x = torch.rand(50, 1, dtype=torch.double)
    for rows in (x, x.float()):
        column = prediction_columns(rows, "regression")["prediction"]
        assert torch.equal(torch.tensor([float(v) for v in column], dtype=rows.dtype), rows.view(-1))
    assert prediction_columns(torch.tensor([[0.5]]).bfloat16(), "regression") == {"prediction": ["0.5"]}


def test_missing_labels_are_empty() -> None:
    nan = float("nan")
    assert label_columns(torch.tensor([1, 0, -1]), "multiclass", ("a", "b")) == {"label": ["b", "a", ""]}
    assert label_columns(torch.tensor([[1.0], [nan]]), "binary", ("a", "b")) == {"label": ["b", ""]}
    assert label_columns(torch.tensor([0.5, nan, -2.0]), "regression") == {"label": ["0.5", "", "-2.0"]}
    found = label_columns(torch.tensor([[1.0, nan], [0.0, 1.0]]), "multilabel")
    assert found == {"label_0": [1, 0], "label_1": ["", 1]}


def trainer(folder: Path, table: PredictionTable) -> Trainer:
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=[table],
    )


def test_a_trainer_writes_the_table_whole_and_never_over_another(tmp_path: Path) -> None:
    task = GraphTask(encoder=Encoder(1, hidden_channels=4, num_layers=1), readout=gpool.GNP(4))
    trainer(tmp_path, PredictionTable("deep/x.csv")).predict(task, Named(batch_size=7))
    lines = (tmp_path / "deep" / "x.csv").read_text().splitlines()
    assert len(lines) == 61
    assert lines[0] == "id,part,label,prediction,probability_tail,probability_head"
    with pytest.raises(ValueError, match=r"x\.csv is there already; overwrite=True writes over it"):
        trainer(tmp_path, PredictionTable("deep/x.csv")).predict(task, Named())
    graphs = Unlabeled(Named().graphs[:3])
    table = PredictionTable("deep/x.csv", overwrite=True, classes=("no", "yes"))
    trainer(tmp_path, table).predict(task, graphs.predict_dataloader())
    lines = (tmp_path / "deep" / "x.csv").read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("prediction,probability_no,probability_yes")


class Failing(GraphTask):
    def predict_step(self, batch: object, step: int) -> torch.Tensor:
        if step == 1:
            raise RuntimeError("in the middle")
        return super().predict_step(batch, step)  # type: ignore[arg-type]


def test_a_prediction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    task = Failing(encoder=Encoder(1, hidden_channels=4, num_layers=1), readout=gpool.GNP(4))
    with pytest.raises(RuntimeError, match="in the middle"):
        trainer(tmp_path, PredictionTable()).predict(task, Named(batch_size=7))
    assert list(tmp_path.iterdir()) == []


def test_ids_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    columns = {"prediction": [1, 2, 3]}
    with pytest.raises(ValueError, match="do not fit the 3 predictions"):
        PredictionFile(tmp_path / "x.csv", ids=["a", "b"]).add({}, columns)
    file = PredictionFile(tmp_path / "x.csv", ids=list("abcd"))
    file.add({}, columns)
    with pytest.raises(ValueError, match="gives 3 rows, ids has 4"):
        file.close()
    assert not (tmp_path / "x.csv").exists()
