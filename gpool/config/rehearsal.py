"""A model and its data tried out before anything trains: what does not fit is one line, not a traceback."""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from gpool.config.mistakes import ConfigError
from gpool.data import MissingData

__all__ = ["measured", "one_line", "rehearse", "set_up"]

OWN_WORDS = (ValueError, TypeError, MissingData, OSError)  # errors whose text says what is wrong


def one_line(error: BaseException) -> str:
    """What an error says; its kind and the line that raised it too, where its text alone may not tell."""
    text = " ".join(str(error).split())
    if isinstance(error, OWN_WORDS) and text:
        return text
    raised = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(raised[-1].filename).name}, line {raised[-1].lineno})" if raised else ""
    return f"{type(error).__name__}: {text}{where}"


def rehearse(model: LightningModule, data: LightningDataModule, callbacks: Iterable[Callback] = ()) -> None:
    """Load the data and take two of its samples through the model, without gradients; make the optimizer.

    No random number is drawn and no parameter changed.

    Raises:
        ConfigError: something does not fit, in one line.
    """
    set_up(data, "fit")
    _check_monitors(model, callbacks)
    training = model.training
    with isolate_rng(), torch.no_grad():
        with _told("data"):
            batch = _few(data.train_dataloader())
        with _told("model", model):
            prediction = model.eval()(batch)
        model.train(training)
    outputs = getattr(data, "num_outputs", None)
    if (
        isinstance(prediction, Tensor)
        and prediction.dim() == 2
        and prediction.size(1) != (outputs or prediction.size(1))
    ):
        raise ConfigError(
            f"model: predicts {prediction.size(1)} numbers, but the data have {outputs} to predict"
        )
    _check_optimizer(model)


def set_up(data: LightningDataModule, stage: str) -> None:
    """Load the data.

    Raises:
        ConfigError: they are not there, or not as they should be, in one line.
    """
    with isolate_rng(), _told("data"):
        data.prepare_data()
        data.setup(stage)


def measured(model: LightningModule) -> frozenset[str] | None:
    """Names of what a task measures on the validation and on the test part; None where only a run can tell.

    A class that says it by ``measures()`` is asked, unless it has inherited that: it may measure more than
    its parent does.
    """
    if "measures" not in vars(type(model)):
        return None
    names: Iterable[str] = model.measures()  # type: ignore[operator]
    return frozenset(names)


def _few(loader: Any) -> Any:
    """A batch of the first two samples, made in this process; the whole first batch of a loader unknown."""
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return next(iter(loader))
    if loader.batch_size is not None:
        length = len(loader.dataset)  # type: ignore[arg-type]
        return loader.collate_fn([loader.dataset[i] for i in range(min(2, length))])
    if loader.batch_sampler is not None:
        return loader.collate_fn([loader.dataset[i] for i in next(iter(loader.batch_sampler))])
    index = next(iter(loader.sampler))
    return loader.collate_fn(loader.dataset[index[:2] if isinstance(index, list) else index])


@contextmanager
def _told(place: str, model: nn.Module | None = None) -> Iterator[None]:
    """Make any error one line that begins with the place, or with the part of the model that raised it."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{_part(model, error) or place}: {one_line(error)}") from error


def _part(model: nn.Module | None, error: Exception) -> str | None:
    """The dotted name of the innermost part of a model that an error went through."""
    if model is None:
        return None
    names = {id(part): name for name, part in model.named_modules()}
    passed = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = [names[id(part)] for part in passed if id(part) in names]
    return found[-1] or None if found else None


def _check_optimizer(model: LightningModule) -> None:
    with _told("model.optimizer"):
        try:
            made: Any = model.configure_optimizers()
        except RuntimeError:  # it asks its trainer, which does not know the model yet
            return
    optimizer = made.get("optimizer") if isinstance(made, dict) else made
    for group in getattr(optimizer, "param_groups", ()):
        rate = float(group.get("lr", 0.0))
        if not math.isfinite(rate) or rate < 0:
            raise ConfigError(f"model.optimizer: the learning rate {rate} must be a number, at least 0")


def _check_monitors(model: LightningModule, callbacks: Iterable[Callback]) -> None:
    """Refuse a callback that watches a number which is not logged."""
    names = measured(model)
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        logged = {"train/loss", *(f"val/{name}" for name in names or ())}
        if names is not None and monitor is not None and monitor not in logged:
            raise ConfigError(
                f"trainer.callbacks: {type(callback).__name__} has monitor={monitor!r}, which is not logged; "
                f"there are: {', '.join(sorted(logged))}"
            )
