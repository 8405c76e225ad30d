"""What contradicts the data is refused in one line, and nothing that is given is ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gpool.config.configuration import Configuration
from gpool.config.given import given_at, given_config
from gpool.config.mistakes import ConfigError
from tests.config.fits import fit_config, refused

COINS = "but the data (tests.bench.parts.Coins) say"
WHOLE = {"class_path": "tests.training.whole.Whole"}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--model.task", "regression"], f"model.task: got 'regression', {COINS} 'multiclass'; leave it out"),
        (["--model.init_args.task=binary"], f"model.task: got 'binary', {COINS} 'multiclass'; leave it out"),
        (["--model.out_channels", "7"], f"model.out_channels: got 7, {COINS} 2; leave it out"),
        (["--model.encoder.in_channels", "3"], f"model.encoder.in_channels: got 3, {COINS} 1; leave it out"),
    ],
)
def test_a_flag_that_contradicts_the_data_is_refused(
    flags: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(tmp_path, fit_config(), capsys, *flags) == told


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (fit_config(task="regression"), f"model.task: got 'regression', {COINS} 'multiclass'; leave it out"),
        (fit_config(out_channels=5), f"model.out_channels: got 5, {COINS} 2; leave it out"),
        (fit_config({"in_channels": 9}), f"model.encoder.in_channels: got 9, {COINS} 1; leave it out"),
        (
            fit_config(encoder=None, readout=None, model={**WHOLE, "init_args": {"out_channels": 4}}),
            f"model.model.out_channels: got 4, {COINS} 2; leave it out",
        ),
        (
            fit_config(encoder=None, readout=None, model={**WHOLE, "init_args": {"in_channels": 4}}),
            f"model.model.in_channels: got 4, {COINS} 1; leave it out",
        ),
    ],
)
def test_a_file_or_a_dict_that_contradicts_the_data_is_refused(
    config: dict[str, Any], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "model" in config["model"]["init_args"]:
        del config["model"]["init_args"]["encoder"]
    assert refused(tmp_path, config, capsys) == told
    with pytest.raises(ConfigError) as caught:
        Configuration(config, run=False)
    assert str(caught.value) == told


def test_what_agrees_with_the_data_is_accepted() -> None:
    config = fit_config({"in_channels": 1}, task="multiclass", out_channels=2)
    assert Configuration(config, run=False).model.objective.outputs == 2


@pytest.mark.parametrize(
    "flag", [["--model.readout.channels", "null"], ["--model.readout.init_args.channels=null"]]
)
def test_null_as_a_flag_is_what_it_is_in_a_file(flag: list[str], tmp_path: Path) -> None:
    words = ["--model=gpool.training.GraphTask", "--data=tests.bench.parts.Coins"]
    words += [
        "--model.encoder=gpool.models.Encoder",
        "--model.readout=gpool.GNP",
        "--model.readout.branch=both",
    ]
    words += ["--model.readout.mix=sum"]
    shared = Configuration([*words, *flag], run=False).model.model.readout
    assert shared.channels is None
    assert shared.branch == "both"
    assert Configuration(words, run=False).model.model.readout.channels == 64
    plain = Configuration([*words, "--model.encoder.norm", "null"], run=False).model.model.encoder
    assert plain.norm is None


def test_what_is_given_is_read_as_the_parser_reads_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("model: {class_path: A, init_args: {readout: B, width: 3}}\ntrainer: {max_epochs: 2}\n")
    second.write_text("model: {init_args: {width: 4}}\n")
    words = ["fit", "--config", str(first), f"--config={second}", "--model.readout.channels", "null"]
    given = given_config([*words, "--model.rate=1e-3", "--data", "C", "--data.fold", "1", "--model", "D"])
    assert given_at(given, "model.width") == 4
    assert given_at(given, "model.init_args.readout.init_args.channels") is None
    assert given_at(given, "model.readout.class_path") == "B"
    assert given_at(given, "model.rate") == 0.001
    assert given["data"] == {"class_path": "C", "init_args": {"fold": 1}}
    assert given["model"]["class_path"] == "D"
    assert given["trainer"] == {"max_epochs": 2}
