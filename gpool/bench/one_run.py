"""One run of a benchmark: train, select an epoch, test it, and record everything that decides the result."""

from __future__ import annotations

import tempfile
import time
import traceback
from typing import Any

import torch

from gpool.bench.built import built
from gpool.bench.checksums import checksums
from gpool.bench.kept import CHECKPOINT, PREDICTIONS, kept_checkpoint, kept_predictions
from gpool.bench.measured import check_monitor, measured
from gpool.bench.peak_memory import PeakMemory
from gpool.bench.protocol import protocol_of
from gpool.bench.run import Run
from gpool.bench.tested_epoch import Tested
from gpool.config.configuration import Configuration
from gpool.quiet import quiet, threads
from gpool.training import TrainingModule
from gpool.training.checkpoint import versions

__all__ = ["place", "train_and_test", "versions"]


def train_and_test(run: Run, keep_checkpoint: bool = False) -> dict[str, Any]:
    """Train and test one run; an exception becomes its ``"error"`` and ``"traceback"``.

    Args:
        run: what to do.
        keep_checkpoint: keep the tested weights, too.

    Returns:
        The names, the levels, the fold and the seed of the run, its configuration, protocol and selection
        rule, ``metrics`` of the tested weights on the validation and the test part, the tested epoch (counted
        from 1), the number of epochs trained, versions, and checksums of the data and of their split.
        ``seconds`` is the time to build and to train; ``train_seconds``, ``epoch_seconds`` and
        ``test_seconds`` are those of training, of its mean epoch, and of testing. ``peak_memory`` is in
        bytes, see :class:`PeakMemory`. ``files`` has the content of what is kept beside the record, by its
        place in the folder: the predictions of the test part, and the checkpoint.
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
        "axes": run.axes,
        "fold": run.fold,
        "seed": run.seed,
        "protocol": run.protocol,
        "select": vars(run.select) if run.select else None,
        "threads": run.threads,
        "config": run.config,
        "versions": versions(),
    }


def _metrics(run: Run, folder: str, keep_checkpoint: bool) -> dict[str, Any]:
    memory, start = PeakMemory(), time.perf_counter()
    tested = Tested(run, folder)
    made = built(
        run,
        {
            "callbacks": tested.callbacks,
            "enable_checkpointing": tested.keeps,
            "default_root_dir": folder,
        },
    )
    check_monitor(run, measured(made.model))
    protocol = protocol_of(made.datamodule, run)
    if keep_checkpoint and isinstance(made.model, TrainingModule):
        made.model.made_by(made.parser, made.config, made.datamodule)
    trained = time.perf_counter()
    made.trainer.fit(made.model, made.datamodule)
    end = time.perf_counter()
    epochs = made.trainer.current_epoch
    curve = tested.curve(made) if run.protocol == "cv-max" else {}
    epoch = tested.load(made)
    found = {**made.trainer.validate(made.model, made.datamodule, verbose=False)[0]}
    testing = time.perf_counter()
    found.update(made.trainer.test(made.model, made.datamodule, verbose=False)[0])
    tested_in = time.perf_counter() - testing
    described: dict[str, Any] = getattr(made.model, "describe", dict)()
    return {
        "protocol": protocol,
        "metrics": {name: float(value) for name, value in found.items()},
        **({"curve": curve} if curve else {}),
        "epoch": epoch,
        "epochs": epochs,
        "seconds": round(end - start, 3),
        "train_seconds": round(end - trained, 4),
        "epoch_seconds": round((end - trained) / max(1, epochs), 5),
        "test_seconds": round(tested_in, 5),
        "peak_memory": memory.read(made.trainer.strategy.root_device),
        "device": _device(made.trainer.strategy.root_device),
        "parameters": sum(p.numel() for p in made.model.parameters()),
        "checksums": checksums(made.datamodule),
        **({"described": described} if described else {}),
        **_kept(made, folder, keep_checkpoint),
    }


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _kept(made: Configuration, folder: str, keep_checkpoint: bool) -> dict[str, Any]:
    """What is kept beside the record; predictions that cannot be made do not spoil what was measured."""
    files = {CHECKPOINT: kept_checkpoint(made.trainer, folder)} if keep_checkpoint else {}
    try:
        files[PREDICTIONS] = kept_predictions(made.trainer, made.model, made.datamodule)
    except Exception as error:
        return {"files": files, "not_predicted": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    return {"files": files}
