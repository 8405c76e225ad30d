"""Checks of the trainer's arguments: a run must train, select and measure."""

from __future__ import annotations

from typing import Any

from gpool.bench.plan import Select
from gpool.config.mistakes import ConfigError

__all__ = ["check_training"]


def check_training(trainer: Any, select: Select | None) -> None:
    """Refuse arguments of the trainer under which nothing is trained, selected or measured.

    Args:
        trainer: the arguments, with all defaults.
        select: which epoch is tested; None tests the last one, also where there is none.

    Raises:
        ConfigError: in one line that names the argument.
    """
    if trainer.fast_dev_run:
        raise _refused(
            trainer, "fast_dev_run", "which would keep the numbers of one batch; give max_epochs=1"
        )
    for name in ("limit_val_batches", "limit_test_batches"):
        if getattr(trainer, name) == 0:
            raise _refused(trainer, name, "which measures nothing; must be more than 0")
    if trainer.max_epochs is not None and trainer.max_epochs < -1:
        raise _refused(trainer, "max_epochs", "must be at least 0")
    endless = trainer.max_epochs == -1 and trainer.max_steps == -1 and trainer.max_time is None
    if endless and not trainer.callbacks and (select is None or select.patience is None):
        raise _refused(trainer, "max_epochs", "which never ends; give max_steps, max_time or select.patience")
    if select is not None:
        _check_selection(trainer)


def _check_selection(trainer: Any) -> None:
    """Refuse arguments under which no epoch can be selected."""
    for name in ("max_epochs", "max_steps", "limit_train_batches"):
        if getattr(trainer, name) == 0:
            raise _refused(
                trainer, name, "which trains nothing, so no epoch can be selected; give select: null"
            )
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    if every is not None and epochs is not None and 0 < epochs < every:
        told = f"which is more than max_epochs={epochs}, so no epoch can be selected"
        raise _refused(trainer, "check_val_every_n_epoch", told)


def _refused(trainer: Any, name: str, told: str) -> ConfigError:
    return ConfigError(f"trainer.{name}: got {getattr(trainer, name)!r}, {told}")
