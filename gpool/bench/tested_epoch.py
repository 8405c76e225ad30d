"""Which weights of a run are tested: those of the selected epoch, of the last one, or of every one."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint, EarlyStopping

from gpool.bench.run import Run, Select
from gpool.config.configuration import Configuration

__all__ = ["Tested"]


class Tested:
    """Keeps the weights that the rule of a run asks for.

    Args:
        run: whose rule.
        folder: where the weights of every epoch are kept.
    """

    def __init__(self, run: Run, folder: str) -> None:
        self.best = None if run.select is None else Best(run.select)
        self.every = EveryEpoch(Path(folder)) if run.protocol == "cv-max" else None
        self.callbacks: list[Callback] = [kept for kept in (self.best, self.every) if kept is not None]
        self.keeps = bool(self.callbacks)
        if run.select is not None and run.select.patience is not None:
            self.callbacks.append(
                EarlyStopping(run.select.monitor, mode=run.select.mode, patience=run.select.patience)
            )

    def load(self, made: Configuration) -> int:
        """Give the task the weights to test; their epoch, counted from 1."""
        if self.best is None:
            return made.trainer.current_epoch
        if self.best.weights is None:
            raise RuntimeError(self.best.unmeasured)
        made.model.load_state_dict(self.best.weights)
        return self.best.epoch + 1

    def curve(self, made: Configuration) -> dict[str, list[float]]:
        """What every epoch's weights measure on the test part; the task has the last ones afterwards."""
        found: dict[str, list[float]] = defaultdict(list)
        for path in self.every.paths if self.every is not None else ():
            made.model.load_state_dict(torch.load(path, weights_only=True))
            measured = made.trainer.test(made.model, made.datamodule, verbose=False)[0]
            for name, value in measured.items():
                found[name].append(float(value))
        return dict(found)


class Best(Checkpoint):
    """Keeps a copy of the weights of the best epoch in memory; of equally good ones, of the first.

    Lightning's ``ModelCheckpoint`` selects the same epoch, but writes a whole checkpoint for each better one.

    Args:
        select: the rule. A value that is no number is worse than any other.
    """

    def __init__(self, select: Select) -> None:
        self.select = select
        self.weights: dict[str, Any] | None = None
        self.epoch, self.value = -1, math.inf

    @property
    def unmeasured(self) -> str:
        """What is wrong where there is nothing to select by."""
        return f"no epoch can be selected: {self.select.monitor!r} was never measured in training"

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at what was measured, where that is not once at the end of every epoch."""
        if not trainer.sanity_checking and not _once(trainer):
            self._look(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at what was measured."""
        if _once(trainer):
            self._look(trainer, pl_module)

    def _look(self, trainer: Trainer, task: LightningModule) -> None:
        measured = trainer.callback_metrics.get(self.select.monitor)
        if measured is None:
            raise RuntimeError(self.unmeasured)
        value = float(measured) if self.select.mode == "min" else -float(measured)
        value = math.inf if math.isnan(value) else value
        if self.weights is None or value < self.value:
            self.value, self.epoch = value, trainer.current_epoch
            self.weights = {name: _copy(entry) for name, entry in task.state_dict().items()}


class EveryEpoch(Checkpoint):
    """Keeps the weights of every epoch in files.

    Args:
        folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[Path] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the weights."""
        self.paths.append(self.folder / f"epoch{trainer.current_epoch}.pt")
        torch.save(pl_module.state_dict(), self.paths[-1])


def _once(trainer: Trainer) -> bool:
    """Whether validation comes once at the end of every epoch, or never."""
    often = trainer.check_val_every_n_epoch == 1 and trainer.val_check_interval == 1.0
    return often or sum(trainer.num_val_batches) == 0


def _copy(entry: Any) -> Any:
    return entry.detach().to("cpu", copy=True) if isinstance(entry, torch.Tensor) else entry
