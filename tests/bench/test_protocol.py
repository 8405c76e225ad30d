"""Protocols: their words, and that nothing of the test part chooses or trains anything."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch

from gpool.bench import Plan, Select, Store
from gpool.bench.kept import CHECKPOINT
from gpool.bench.measured import _try
from gpool.bench.one_run import train_and_test
from gpool.bench.optimistic import at_best_epoch
from gpool.bench.protocol import protocol_of, protocols_in
from gpool.config.mistakes import ConfigError
from gpool.data import Links, OGBGraph, Planetoid, PublishedSplit, RandomSplit
from tests.bench.parts import Coins
from tests.bench.plans import plan, record

RULES: dict[str, dict[str, Any]] = {
    "cv-inner": {"select": Select("val/loss", "max")},  # an epoch that depends on what is looked at
    "cv-fixed": {},
    "cv-max": {},
    "official": {"select": Select("val/loss", "max")},
    "splits": {"select": Select("val/loss", "max")},
    "holdout": {"select": Select("val/loss", "max")},
}


def trained(protocol: str, data: str) -> dict[str, Any]:
    """What a run has found, its last or selected weights among it."""
    named = {"coins": f"tests.bench.parts.{data}"}
    one = plan(data=named, protocol=protocol, seeds=[0], folds=[0], trainer={"max_epochs": 5})
    run = Plan(**{**one, **RULES[protocol]}).runs()[1]
    if protocol not in ("cv-inner", "cv-fixed", "cv-max"):
        object.__setattr__(run, "protocol", None)  # drawn folds have no official split: the rule is the same
    found = train_and_test(run, keep_checkpoint=True)
    assert "error" not in found, found
    return found


def chosen(found: dict[str, Any]) -> dict[str, Any]:
    """All of it that must not depend on the test part."""
    weights = torch.load(io.BytesIO(found["files"][CHECKPOINT]), weights_only=True)["state_dict"]
    kept = {name: value for name, value in found["metrics"].items() if name.startswith("val/")}
    return {
        **kept,
        "epoch": found["epoch"],
        "epochs": found["epochs"],
        **{name: tuple(value.flatten().tolist()) for name, value in weights.items()},
    }


@pytest.mark.parametrize("protocol", RULES)
def test_nothing_of_the_test_part_chooses_or_trains(protocol: str) -> None:
    honest, garbled = trained(protocol, "Coins"), trained(protocol, "Garbled")
    assert honest["metrics"]["test/loss"] != garbled["metrics"]["test/loss"]  # it is garbled
    assert chosen(honest) == chosen(garbled)


@pytest.mark.parametrize("protocol", RULES)
def test_a_planted_leak_is_caught(protocol: str) -> None:
    assert chosen(trained(protocol, "Training")) != chosen(trained(protocol, "TrainingGarbled"))
    if RULES[protocol]:
        assert chosen(trained(protocol, "Selecting")) != chosen(trained(protocol, "SelectingGarbled"))


class Tree:
    """Data of somebody's own."""


@pytest.mark.parametrize(
    ("data", "changes", "word"),
    [
        ("tests.bench.parts.Coins", {}, "cv-inner"),
        ("tests.bench.parts.Coins", {"select": None}, "cv-fixed"),
        ("tests.bench.parts.Coins", {"protocol": "cv-max"}, "cv-max"),
        (OGBGraph("ogbg-molhiv"), {"folds": None}, "official"),
        (Planetoid("Cora"), {"folds": None}, "official"),
        (Planetoid("Cora", split="geom-gcn"), {}, "splits"),
        (Links("USAir", split=PublishedSplit()), {}, "splits"),
        (Links("USAir", split=RandomSplit()), {}, "holdout"),
        (Tree(), {"folds": None}, "holdout"),
        (Tree(), {"folds": None, "protocol": "official"}, "official"),
    ],
)
def test_the_word_follows_from_the_data_and_the_rule(data: Any, changes: dict[str, Any], word: str) -> None:
    run = Plan(**plan(**changes)).runs()[0]
    made = data if not isinstance(data, str) else Coins(fold=0)
    assert protocol_of(made, run) == word


@pytest.mark.parametrize(
    ("data", "word", "told"),
    [
        (
            OGBGraph("ogbg-molhiv"),
            "cv-inner",
            "protocol: got 'cv-inner', but OGBGraph on coins is 'official'",
        ),
        (Coins(), "splits", "protocol: got 'splits', but Coins on coins is 'cv-inner'"),
        (Links("USAir", split=RandomSplit()), "splits", "but Links on coins is 'holdout'"),
    ],
)
def test_a_word_that_the_data_contradict_is_refused(data: Any, word: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        protocol_of(data, Plan(**plan(protocol=word)).runs()[0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"protocol": "cv"}, "protocol: got 'cv', must be one of cv-inner, cv-fixed, cv-max, official"),
        ({"protocol": "cv-fixed", "select": Select(patience=3)}, "but cv-fixed selects no epoch"),
        ({"protocol": "cv-inner", "select": None}, "cv-inner selects an epoch"),
    ],
)
def test_a_protocol_and_a_rule_that_contradict_each_other_are_refused(
    changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        Plan(**plan(**changes))


def test_parts_that_overlap_are_refused_before_anything_trains() -> None:
    given = plan(data={"coins": "tests.bench.parts.Overlapping"}, folds=None, protocol="official")
    with pytest.raises(ConfigError, match="5 of its instances are in the val and the test part, such as 40"):
        _try(Plan(**given).runs()[0])


def test_cv_max_reports_the_epoch_that_is_best_on_all_folds(tmp_path: Path) -> None:
    curves = [[0.5, 0.9, 0.6], [0.5, 0.6, 0.8, 0.9]]
    records = [
        record(fold=fold, protocol="cv-max", curve={"test/acc": curve, "test/loss": curve})
        for fold, curve in enumerate(curves)
    ]
    found = at_best_epoch([*records, record(seed=1)], "test/acc")
    assert [each["metrics"]["test/acc"] for each in found] == [0.9, 0.6, 0.5]
    assert [each["epoch"] for each in found] == [2, 2, 1]
    low = at_best_epoch(records, "test/loss")
    assert [each["epoch"] for each in low] == [1, 1]
    assert records[0]["metrics"]["test/acc"] == 0.5  # left as it was
    store = Store(tmp_path)
    for k, each in enumerate(records):
        store.put(f"run{k}", each)
    assert [each["metrics"]["test/acc"] for each in store.results()] == [0.9, 0.6]
    assert protocols_in(records) == ["cv-max (optimistic: folds, the epoch that is best on their test parts)"]
