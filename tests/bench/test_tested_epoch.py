"""The weights that are tested: those that Lightning's own callback would have kept."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from gpool.bench import Plan, Select, tested_epoch
from gpool.bench.built import built
from gpool.bench.one_run import train_and_test
from gpool.bench.tested_epoch import Best
from tests.bench.plans import plan

WHOLE_EPOCHS: list[dict[str, Any]] = [{}, {"check_val_every_n_epoch": 2}]
HALF_EPOCHS: dict[str, Any] = {"val_check_interval": 0.5}  # where the training loss is not measured yet
OF_VALIDATION = [("val/loss", "max"), ("val/acc", "max")]


@pytest.mark.parametrize(
    ("rule", "trainer"),
    [
        *itertools.product([*OF_VALIDATION, ("train/loss", "min")], WHOLE_EPOCHS),
        *itertools.product(OF_VALIDATION, [HALF_EPOCHS]),
    ],
)
def test_the_best_epoch_is_that_of_lightning(rule: Any, trainer: dict[str, Any], tmp_path: Path) -> None:
    changes = {"data.batch_size": 10}
    run = Plan(**plan(select=Select(*rule), trainer={"max_epochs": 4, **trainer}, changes=changes)).runs()[1]
    tested = tested_epoch.Tested(run, str(tmp_path))
    theirs = ModelCheckpoint(tmp_path, "theirs", rule[0], mode=rule[1], save_weights_only=True)
    made = built(run, {"callbacks": [*tested.callbacks, theirs], "default_root_dir": str(tmp_path)})
    made.trainer.fit(made.model, made.datamodule)
    saved = torch.load(theirs.best_model_path, weights_only=True)
    assert tested.load(made) == saved["epoch"] + 1
    weights = made.model.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in saved["state_dict"].items())


def test_no_number_is_worse_than_any(tmp_path: Path) -> None:
    class Trainer:
        sanity_checking, check_val_every_n_epoch, val_check_interval = False, 1, 1.0
        current_epoch = 0

    best, trainer = Best(Select("val/acc", "max")), Trainer()
    for value in (float("nan"), 0.5, float("nan"), 0.5, 0.75, 0.75):
        trainer.callback_metrics = {"val/acc": torch.tensor(value)}  # type: ignore[attr-defined]
        best.on_train_epoch_end(trainer, torch.nn.Linear(1, 1))  # type: ignore[arg-type]
        trainer.current_epoch += 1
    assert best.epoch == 4


def test_cv_max_measures_every_epoch_on_the_test_part() -> None:
    one = plan(protocol="cv-max", seeds=[0], folds=[0], trainer={"max_epochs": 3})
    found = train_and_test(Plan(**one).runs()[1])
    fixed = train_and_test(Plan(**{**one, "protocol": "cv-fixed"}).runs()[1])
    assert {len(values) for values in found["curve"].values()} == {3}
    assert (found["protocol"], fixed["protocol"]) == ("cv-max", "cv-fixed")
    for name in ("test/loss", "test/acc"):
        assert found["curve"][name][-1] == found["metrics"][name] == fixed["metrics"][name]
