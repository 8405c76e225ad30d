"""Progress of `gpool fit` where standard output is no terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lightning.pytorch import Trainer
from torch_geometric.nn import MeanAggregation

from gpool.config.epoch_lines import EpochLines, clock
from gpool.data import Digits
from gpool.models import Encoder
from gpool.training import GraphTask


def fit(folder: Path, epochs: int, bar: bool = True) -> None:
    trainer = Trainer(
        max_epochs=epochs,
        limit_train_batches=1,
        limit_val_batches=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=bar,
        default_root_dir=folder,
        callbacks=[EpochLines()],
    )
    task = GraphTask(
        encoder=Encoder(3, hidden_channels=4, num_layers=1), readout=MeanAggregation(), out_channels=10
    )
    trainer.fit(task, Digits(batch_size=16))


def test_a_line_per_epoch_has_metrics_and_time_left(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    fit(tmp_path, epochs=3)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    for line in lines:
        assert re.search(r"train/loss [\d.]+  val/acc [\d.]+  val/loss [\d.]+  .* gone, about .* left$", line)


def test_a_long_training_prints_about_twenty_lines(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    fit(tmp_path, epochs=50)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert len(lines) == 25
    assert lines[0].startswith("epoch 2/50")
    assert lines[-1].startswith("epoch 50/50")


def test_a_bar_that_was_switched_off_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    fit(tmp_path, epochs=1, bar=False)
    assert "epoch" not in capsys.readouterr().out


def test_a_terminal_keeps_its_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    trainer = Trainer(logger=False, enable_checkpointing=False, default_root_dir=tmp_path)
    lines = EpochLines()
    lines.setup(
        trainer,
        GraphTask(encoder=Encoder(3, hidden_channels=4, num_layers=1), readout=MeanAggregation()),
        "fit",
    )
    assert not lines.shown
    assert trainer.progress_bar_callback is not None
    assert trainer.progress_bar_callback.is_enabled


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "0.0 s"), (4.21, "4.2 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_seconds_in_words(seconds: float, words: str) -> None:
    assert clock(seconds) == words
