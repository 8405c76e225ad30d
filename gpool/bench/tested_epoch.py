"""Which weights of a run are tested: those of the selected epoch, of the last one, or of every one."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from gpool.bench.run import Run
from gpool.config.configuration import Configuration

__all__ = ["Tested"]


class Tested:
    """Keeps the weights that the rule of a run asks for.

    Args:
        run: whose rule.
        folder: where the weights are kept.
    """

    def __init__(self, run: Run, folder: str) -> None:
        self.select, self.folder = run.select, Path(folder)
        self.saver: ModelCheckpoint | None = None
        self.callbacks: list[Callback] = []
        if self.select is not None:
            monitor, mode, patience = self.select.monitor, self.select.mode, self.select.patience
            self.saver = ModelCheckpoint(folder, "best", monitor, mode=mode, save_weights_only=True)
            self.callbacks = [self.saver]
            if patience is not None:
                self.callbacks.append(EarlyStopping(monitor, mode=mode, patience=patience))
        elif run.protocol == "cv-max":
            self.saver = ModelCheckpoint(
                folder, "{epoch}", save_top_k=-1, save_weights_only=True, save_on_train_epoch_end=True
            )
            self.callbacks = [self.saver]

    def load(self, made: Configuration) -> int:
        """Give the task the weights to test; their epoch, counted from 1."""
        if self.saver is None or self.select is None:
            return made.trainer.current_epoch
        if not self.saver.best_model_path:
            raise RuntimeError(
                f"no epoch can be selected: {self.saver.monitor!r} was never measured in training"
            )
        saved = torch.load(self.saver.best_model_path, weights_only=True)
        made.model.load_state_dict(saved["state_dict"])
        return int(saved["epoch"]) + 1

    def curve(self, made: Configuration) -> dict[str, list[float]]:
        """What every epoch's weights measure on the test part; the task has the last ones afterwards."""
        kept = [torch.load(path, weights_only=True) for path in self.folder.glob("epoch=*.ckpt")]
        found: dict[str, list[float]] = defaultdict(list)
        for saved in sorted(kept, key=_epoch):
            made.model.load_state_dict(saved["state_dict"])
            measured = made.trainer.test(made.model, made.datamodule, verbose=False)[0]
            for name, value in measured.items():
                found[name].append(float(value))
        return dict(found)


def _epoch(saved: dict[str, Any]) -> int:
    return int(saved["epoch"])
