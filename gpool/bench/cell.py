"""One cell of a benchmark: train, select an epoch, test it, and say all that decided the numbers."""

from __future__ import annotations

import platform
import tempfile
import time
import traceback
from typing import Any

import lightning
import torch
import torch_geometric
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

import gpool
from gpool.bench.measured import check_monitor, measured
from gpool.bench.plan import Cell
from gpool.config.configuration import Configuration
from gpool.quiet import QUIET, quiet, threads

__all__ = ["place", "run_cell", "versions"]


def versions() -> dict[str, str]:
    """Versions of what computes the numbers."""
    modules = {"gpool": gpool, "torch": torch, "torch_geometric": torch_geometric, "lightning": lightning}
    return {"python": platform.python_version(), **{name: m.__version__ for name, m in modules.items()}}


def run_cell(cell: Cell) -> dict[str, Any]:
    """Run one cell; an exception becomes its ``"error"`` and ``"traceback"``.

    Returns:
        The cell's place, its configuration and selection rule, ``metrics`` of the tested weights on the
        validation and
        the test part, the tested epoch (counted from 1), the epochs trained, seconds, and versions.
    """
    result = place(cell)
    try:
        with quiet(), threads(cell.threads), tempfile.TemporaryDirectory() as folder:
            result.update(_train_and_test(cell, folder))
    except Exception as error:
        result["error"] = f"{type(error).__name__}: {' '.join(str(error).split())}"
        result["traceback"] = traceback.format_exc()
    return result


def place(cell: Cell) -> dict[str, Any]:
    """Where a cell stands in the table, and all that decides its numbers."""
    return {
        "data": cell.data,
        "variant": cell.variant,
        "readout": cell.readout,
        "fold": cell.fold,
        "seed": cell.seed,
        "select": vars(cell.select) if cell.select else None,
        "threads": cell.threads,
        "config": cell.config,
        "versions": versions(),
    }


def _train_and_test(cell: Cell, folder: str) -> dict[str, Any]:
    start = time.perf_counter()
    best: ModelCheckpoint | None = None
    callbacks: list[Callback] = []
    if cell.select is not None:
        monitor, mode, patience = cell.select.monitor, cell.select.mode, cell.select.patience
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
    run = Configuration(args=cell.config, run=False, trainer_defaults=trainer)
    check_monitor(cell, measured(run.model))
    run.trainer.fit(run.model, run.datamodule)
    seconds = time.perf_counter() - start
    epochs = run.trainer.current_epoch
    tested = epochs
    if best is not None:
        if not best.best_model_path:
            raise RuntimeError(f"no epoch can be selected: {best.monitor!r} was never measured in training")
        saved = torch.load(best.best_model_path, weights_only=True)
        run.model.load_state_dict(saved["state_dict"])
        tested = saved["epoch"] + 1
    found = {
        **run.trainer.validate(run.model, run.datamodule, verbose=False)[0],
        **run.trainer.test(run.model, run.datamodule, verbose=False)[0],
    }
    described: dict[str, Any] = getattr(run.model, "describe", dict)()
    return {
        "metrics": {name: float(value) for name, value in found.items()},
        "epoch": tested,
        "epochs": epochs,
        "seconds": round(seconds, 3),
        "parameters": sum(p.numel() for p in run.model.parameters()),
        **({"described": described} if described else {}),
    }
