"""Mistakes in what ``gpool fit`` is given: one line, exit status 2, before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from gpool.cli import main
from gpool.config.configuration import Configuration
from gpool.config.rehearsal import rehearse
from tests.bench.parts import Coins
from tests.bench.plans import plan
from tests.config.fits import fit, fit_config, refused

HERE = "tests.config.test_fit_mistakes"


class Unsound(Coins):
    """Coins whose graphs are refused when they are set up."""

    def setup(self, stage: str | None = None) -> None:
        raise ValueError("graph 3: x has 2 columns, must have 1\nas graph 0 has")


class Absent(Coins):
    """Coins that an own loader does not find."""

    def load(self) -> Any:
        raise KeyError("coins")


class Faulty(nn.Module):
    """A model of a user's own with a mistake in it."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.head = nn.Linear(in_channels, out_channels)

    def forward(self, x: Tensor, *_: Any) -> Tensor:
        raise AttributeError("no such thing")


class Narrow(Faulty):
    """A model with one output per graph, whatever the data need."""

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Any, batch: Tensor, batch_size: int
    ) -> Tensor:
        return x.new_zeros(batch_size, 1)


def readout(name: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": name, "init_args": arguments}


def callback(name: str, **arguments: Any) -> str:
    return yaml.safe_dump(
        [readout(f"lightning.pytorch.callbacks.{name}", **arguments)], default_flow_style=True
    )


POOLING = "[{class_path: gpool.SparseCoarsening, init_args: {channels: 4, ratio: -0.5}}]"

FLAGS = [
    (["--model.encoder.num_layer", "2"], "model.encoder.num_layer: no such option of gpool.models.Encoder"),
    (["--trainer.maxepochs", "2"], "--trainer.maxepochs 2: no such argument; see gpool --help"),
    (["--model.readout", "gpool.GMP"], "model.readout: gpool has no 'GMP'; did you mean 'GNP'?"),
    (["--model.readout", "gpoool.GNP"], "model.readout: "),
    (["--model.encoder.conv", "gib"], "model.encoder.conv: got 'gib', must be one of 'gin'"),
    (["--model.pooling", POOLING], "ratio=-0.5 is a share and must lie in (0, 1]"),
    (["--data.batch_size", "many"], "data.batch_size: got 'many', must be int"),
    (
        ["--model.readout", "{class_path: gpool.HistoGraph, init_args: {heads: 5}}"],
        "heads=5 must divide channels=4",
    ),
    (["--model.readout.channels", "3"], "model.readout: "),
    (["--model.pooling", POOLING.replace("4, ratio: -0.5", "3")], "model.hierarchy.pooling.0: "),
    (
        ["--model.optimizer", "torch.optim.Adam", "--model.optimizer.lr", "-0.1"],
        "model.optimizer: Invalid learning rate: -0.1",
    ),
    (
        ["--model.optimizer", "torch.optim.Adam", "--model.optimizer.lr", ".nan"],
        "model.optimizer: Invalid learning rate: nan",
    ),
    (
        ["--model.optimizer", "torch.optim.Adam", "--model.optimizer.lr", ".inf"],
        "model.optimizer: the learning rate inf must be",
    ),
    (["--model.exponent_lr", "-5"], "model.optimizer: the learning rate -0.005 must be a number, at least 0"),
    (["--data.fold", "12"], "fold=12 must be between 0 and 9 (folds=10)"),
    (
        ["--trainer.callbacks", callback("ModelCheckpoint", monitor="val/auroc")],
        "trainer.callbacks: ModelCheckpoint has monitor='val/auroc', which is not logged; "
        "there are: train/loss, val/acc, val/loss",
    ),
    (
        ["--trainer.callbacks", callback("EarlyStopping", monitor="val/rmse")],
        "trainer.callbacks: EarlyStopping has monitor='val/rmse', which is not logged",
    ),
    (["--data", f"{HERE}.Unsound"], "data: graph 3: x has 2 columns, must have 1 as graph 0 has"),
    (["--data", f"{HERE}.Absent"], "KeyError: 'coins' (test_fit_mistakes.py, line "),
]


@pytest.mark.parametrize(("flags", "told"), FLAGS)
def test_a_mistake_is_one_line_before_anything_trains(
    flags: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(tmp_path, fit_config(), capsys, *flags).startswith(told)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Faulty", "model: AttributeError: no such thing (test_fit_mistakes.py, line "),
        ("Narrow", "model: predicts 1 numbers, but the data have 2 to predict"),
    ],
)
def test_a_model_of_ones_own_is_tried_first(
    name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = fit_config()
    config["model"]["init_args"] = {"model": {"class_path": f"{HERE}.{name}"}}
    assert refused(tmp_path, config, capsys).startswith(told)


@pytest.mark.parametrize("words", [["validate"], ["test"], ["predict", "--untrained"]])
def test_data_are_loaded_in_one_line_by_every_command(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**fit_config(), "data": {"class_path": f"{HERE}.Unsound"}}))
    assert main([*words, "--config", str(path)]) == 2
    assert "graph 3: x has 2 columns, must have 1 as graph 0 has" in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{}, {"readouts": None, "folds": None, "seeds": None}])
def test_a_plan_is_no_configuration(
    changes: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {key: value for key, value in plan(**changes).items() if value is not None}
    told = refused(tmp_path, given, capsys)
    path = tmp_path / "config.yaml"
    assert told == f"--config={path} is a plan of several runs; use: gpool bench {path}"


def test_trying_a_model_changes_nothing() -> None:
    made = Configuration(fit_config({"dropout": 0.5}), run=False)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    drawn = torch.get_rng_state()
    rehearse(made.model, made.datamodule)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert made.model.training
    assert all(torch.equal(value, before[name]) for name, value in made.model.state_dict().items())


def test_what_is_right_trains(tmp_path: Path) -> None:
    assert fit(tmp_path, fit_config()) == 0
