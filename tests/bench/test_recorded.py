"""What the record of a run says, and that a configuration is read once per row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from gpool.bench import Plan, built, commit
from gpool.bench.checksums import checksums
from gpool.bench.one_run import train_and_test
from gpool.config.configuration import Configuration
from gpool.data import Links
from gpool.quiet import QUIET
from tests.bench.parts import Coins, Garbled, Lengths
from tests.bench.plans import plan


def test_a_record_says_how_it_came_about() -> None:
    run = Plan(**plan(seeds=[3], axes={"depth": {"model.encoder.num_layers": [1]}})).runs()[1]
    found = train_and_test(run)
    assert {name: found[name] for name in ("data", "variant", "readout", "fold", "seed", "protocol")} == {
        "data": "coins",
        "variant": "1",
        "readout": "GNP",
        "fold": 0,
        "seed": 3,
        "protocol": "cv-inner",
    }
    assert found["axes"] == {"depth": "1", "readout": "GNP"}
    assert set(found["metrics"]) == {"val/loss", "val/acc", "test/loss", "test/acc"}
    assert found["config"] == run.config
    assert 0 < found["epoch_seconds"] < found["train_seconds"] <= found["seconds"]
    assert 0 < found["test_seconds"] < 60
    assert found["peak_memory"] is None or found["peak_memory"] > 10_000_000  # a process with torch
    assert (found["device"], found["parameters"] > 10) == ("cpu", True)
    assert found["checksums"] == checksums(Coins(fold=0))
    assert "torch" in found["versions"]


def test_checksums_tell_data_and_splits_apart() -> None:
    first, other = checksums(Coins(fold=0)), checksums(Coins(fold=1))
    assert first == checksums(Coins(fold=0))
    assert first["data"] == other["data"]
    assert first["split"] != other["split"]
    garbled = checksums(Garbled(fold=0))
    assert garbled["split"] == first["split"]
    assert garbled["data"] != first["data"]
    links = checksums(Links())
    assert None not in links.values()
    assert links["split"] != checksums(Links(fold=1))["split"]
    assert checksums(object()) == {"data": None, "split": None}


def test_the_commit_of_a_repository(tmp_path: Path, monkeypatch: Any) -> None:
    commit.commit.cache_clear()
    told = commit.commit()
    assert told is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", told)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    commit.commit.cache_clear()
    assert commit.commit() is None
    commit.commit.cache_clear()


def test_a_configuration_read_once_builds_what_one_read_anew_builds() -> None:
    readouts = {"GNP": "gpool.GNP"}
    given = [*Plan(**plan(readouts=readouts)).runs(), *Plan(**plan(readouts=readouts, folds=None)).runs()]
    given += Plan(**plan(data={"lengths": {"class_path": f"tests.bench.parts.{Lengths.__name__}"}})).runs()[
        :2
    ]
    for run in given:
        anew = Configuration(args=run.config, run=False, trainer_defaults=QUIET)
        numbers = torch.randn(3)
        again = built.built(run, {"default_root_dir": "here"})
        assert torch.equal(torch.randn(3), numbers)
        assert again.datamodule.fold == anew.datamodule.fold == (run.fold or 0)
        assert again.trainer.default_root_dir.endswith("here")
        assert str(again.model) == str(anew.model)
        weights = again.model.state_dict()
        assert all(torch.equal(weights[name], value) for name, value in anew.model.state_dict().items())
    assert len(built._rows) >= 3
