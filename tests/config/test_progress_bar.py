"""The bar of a trainer that a configuration makes."""

from __future__ import annotations

from typing import Any

import pytest
from lightning.pytorch.callbacks import ProgressBar, TQDMProgressBar

from gpool.config import Configuration


def bars(**trainer: Any) -> list[Any]:
    config = {
        "model": {
            "class_path": "gpool.training.GraphTask",
            "init_args": {"encoder": {"class_path": "gpool.models.Encoder"}, "readout": "gpool.GNP"},
        },
        "data": {"class_path": "gpool.data.Digits"},
        "trainer": {"logger": False, "max_epochs": 1, **trainer},
    }
    made = Configuration(config, run=False).trainer
    return [callback for callback in made.callbacks if isinstance(callback, ProgressBar)]


def test_the_default_bar_is_drawn_every_20_batches() -> None:
    (bar,) = bars()
    assert bar.refresh_rate == 20


def test_a_bar_of_ones_own_stays_as_it_is() -> None:
    own = {"class_path": "lightning.pytorch.callbacks.TQDMProgressBar", "init_args": {"refresh_rate": 3}}
    (bar,) = bars(callbacks=[own])
    assert type(bar) is TQDMProgressBar
    assert bar.refresh_rate == 3


@pytest.mark.parametrize("callbacks", [None, [{"class_path": "lightning.pytorch.callbacks.Timer"}]])
def test_no_bar_where_none_is_wanted(callbacks: Any) -> None:
    assert bars(enable_progress_bar=False, callbacks=callbacks) == []
