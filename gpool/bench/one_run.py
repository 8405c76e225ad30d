"""One run of a benchmark: train, select an epoch, test it, and record everything that decides the result."""

from __future__ import annotations

import tempfile
import time
import traceback
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from gpool.bench.kept import CHECKPOINT, PREDICTIONS, kept_checkpoint, kept_predictions
from gpool.bench.measured import check_monitor, measured
from gpool.bench.plan import Run
from gpool.config.configuration import Configuration
from gpool.quiet import QUIET, quiet, threads
from gpool.training import TrainingModule
from gpool.training.checkpoint import versions

__all__ = ["place", "train_and_test", "versions"]


def train_and_test(run: Run, keep_checkpoint: bool = False) -> dict[str, Any]:
    """Train and test one run; an exception becomes its ``"error"`` and ``"traceback"``.

    Args:
        run: what to do.
        keep_checkpoint: keep the tested weights, too.

    Returns:
        The names, the fold and the seed of the run, its configuration and selection rule, ``metrics`` of the
        tested weights on the validation and the test part, the tested epoch (counted from 1), the number of
        epochs trained, seconds, and versions. ``files`` has the content of what is kept beside the record, by
        its place in the folder: the predictions of the test part, and the checkpoint.
    """
    result = place(run)
    try:
        with quiet(), threads(run.threads), tempfile.TemporaryDirectory() as folder:
            result.update(_metrics(run, folder, keep_checkpoint))
    except Exception as error:
        result["error"] = f"{type(error).__name__}: {' '.join(str(error).split())}"
        result["traceback"] = traceback.format_exc()
    return result


def place(run: Run) -> dict[str, Any]:
    """The names, the fold and the seed of a run, and everything that decides its result."""
    return {
        "data": run.data,
        "variant": run.variant,
        "readout": run.readout,
        "fold": run.fold,
        "seed": run.seed,
        "select": vars(run.select) if run.select else None,
        "threads": run.threads,
        "config": run.config,
        "versions": versions(),
    }


def _metrics(run: Run, folder: str, keep_checkpoint: bool) -> dict[str, Any]:
    start = time.perf_counter()
    best: ModelCheckpoint | None = None
    callbacks: list[Callback] = []
    if run.select is not None:
        monitor, mode, patience = run.select.monitor, run.select.mode, run.select.patience
        best = ModelCheckpoint(folder, "best", monitor, mode=mode, save_weights_only=True)
        callbacks = (
            [best] if patience is None else [best, EarlyStopping(monitor, mode=mode, patience=patience)]
        )
    trainer = {
        **QUIET,
        "callbacks": callbacks,
        "enable_checkpointing": best is not None,
        "default_root_dir": folder,
    }
    made = Configuration(args=run.config, run=False, trainer_defaults=trainer)
    check_monitor(run, measured(made.model))
    if isinstance(made.model, TrainingModule):
        made.model.made_by(made.parser, made.config, made.datamodule)
    made.trainer.fit(made.model, made.datamodule)
    seconds = time.perf_counter() - start
    epochs = made.trainer.current_epoch
    tested = epochs
    if best is not None:
        if not best.best_model_path:
            raise RuntimeError(f"no epoch can be selected: {best.monitor!r} was never measured in training")
        saved = torch.load(best.best_model_path, weights_only=True)
        made.model.load_state_dict(saved["state_dict"])
        tested = saved["epoch"] + 1
    found = {
        **made.trainer.validate(made.model, made.datamodule, verbose=False)[0],
        **made.trainer.test(made.model, made.datamodule, verbose=False)[0],
    }
    described: dict[str, Any] = getattr(made.model, "describe", dict)()
    return {
        "metrics": {name: float(value) for name, value in found.items()},
        "epoch": tested,
        "epochs": epochs,
        "seconds": round(seconds, 3),
        "parameters": sum(p.numel() for p in made.model.parameters()),
        **({"described": described} if described else {}),
        **_kept(made, folder, keep_checkpoint),
    }


def _kept(made: Configuration, folder: str, keep_checkpoint: bool) -> dict[str, Any]:
    """What is kept beside the record; predictions that cannot be made do not spoil what was measured."""
    files = {CHECKPOINT: kept_checkpoint(made.trainer, folder)} if keep_checkpoint else {}
    try:
        files[PREDICTIONS] = kept_predictions(made.trainer, made.model, made.datamodule)
    except Exception as error:
        return {"files": files, "not_predicted": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    return {"files": files}
