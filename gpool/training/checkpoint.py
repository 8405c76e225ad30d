"""What a checkpoint holds beside the weights, and tasks built from checkpoints."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
import torch_geometric
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import SaveConfigCallback

import gpool
from gpool.training.configured import build_configured, resolved
from gpool.training.recipe import Given, build, describe, missing

if TYPE_CHECKING:
    from gpool.training.base import TrainingModule

__all__ = ["KEY", "content", "fit_weights", "load", "read_checkpoint", "task_from", "versions"]

KEY = "gpool"  # of the checkpoint's part that this package writes


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute the result."""
    modules = {"gpool": gpool, "torch": torch, "torch_geometric": torch_geometric, "lightning": lightning}
    found = {name: str(module.__version__) for name, module in modules.items()}
    return {"python": platform.python_version(), **found}


def content(task: TrainingModule, recipe: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint holds beside the weights: plain values only."""
    return {**recipe, **facts(task), "versions": versions()}


def recipe_of(task: TrainingModule) -> dict[str, Any]:
    """How to build a task again: as the configuration says, where one made it, else as its attributes say."""
    trainer = task._trainer
    for callback in trainer.callbacks if trainer is not None else ():  # type: ignore[attr-defined]
        if isinstance(callback, SaveConfigCallback):
            found = resolved(callback.parser, callback.config, trainer.datamodule)  # type: ignore[union-attr]
            if found is not None:
                return {"from": "configuration", **found}
    return {"from": "attributes", "model": describe(task), "data": None}


def facts(task: TrainingModule) -> dict[str, Any]:
    """What the data were that a task was trained on: kind of label, width, the user's labels."""
    data = getattr(task._trainer, "datamodule", None) if task._trainer is not None else None
    classes = getattr(data, "classes", None)
    width = getattr(data, "num_features", None)
    return {
        "task": getattr(data, "task", getattr(task, "task", None)),
        "num_features": None if width is None else int(width),
        "categorical": bool(getattr(data, "categorical", False)),
        "classes": None if classes is None else tuple(_plain(label) for label in classes),
    }


def _plain(label: Any) -> Any:
    label = label.item() if hasattr(label, "item") else label
    return label if isinstance(label, (bool, int, float, str)) else str(label)


def read_checkpoint(path: str | os.PathLike[str], map_location: Any = None) -> dict[str, Any]:
    """The content of a checkpoint, read without running any code that it holds.

    Raises:
        ValueError: it is not a checkpoint, or was not written by a task of this package; in one line.
        OSError: it cannot be read.
    """
    if map_location is None and not torch.cuda.is_available():
        map_location = "cpu"
    with Path(path).open("rb") as file:
        try:
            held = torch.load(file, map_location=map_location, weights_only=True)
        except Exception as error:  # pickle, zip and torch each raise their own
            raise ValueError(
                f"{path} is no checkpoint that can be read safely: it is damaged, or holds more than plain "
                f"values and tensors ({type(error).__name__})"
            ) from None
    if not isinstance(held, dict) or "state_dict" not in held:
        raise ValueError(f"{path} is not a checkpoint of Lightning: it has no 'state_dict'")
    return held


def task_from(
    held: dict[str, Any], path: str | os.PathLike[str], kind: type, given: dict[str, Any], strict: bool = True
) -> Any:
    """The task that a checkpoint holds, on the device of its weights.

    Args:
        held: what :func:`read_checkpoint` has read.
        path: for messages.
        kind: the class that is wanted.
        given: arguments in place of those that the checkpoint describes, or lacks.
        strict: refuse weights that do not fit.

    Raises:
        ValueError: the checkpoint does not say how to build the task, or says it for another class.
    """
    recipe = held.get(KEY)
    if not isinstance(recipe, dict) or "model" not in recipe:
        raise ValueError(
            f"{path} does not say how to build its model (an older gpool wrote it, or another program): "
            f"build the task and load the checkpoint's 'state_dict'"
        )
    description = _with(recipe["model"], given)
    lacking = dict(missing(description))
    if "" in lacking:
        raise ValueError(f"{path} cannot be built again ({lacking['']}): build it, load its 'state_dict'")
    if lacking:
        told = "; ".join(f"{name}: {why}" for name, why in lacking.items())
        names = ", ".join(f"{name.split('.')[-1]}=..." for name in lacking)
        raise ValueError(
            f"{path} lacks what cannot be described ({told}): load_from_checkpoint(path, {names})"
        )
    try:
        task = build_configured(description) if recipe["from"] == "configuration" else build(description)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{path} names what cannot be imported here: {error}") from error
    if not isinstance(task, kind) or not isinstance(task, LightningModule):
        raise ValueError(f"{path} holds a {type(task).__name__}, not a {kind.__name__}")
    fit_weights(task, held, path, strict)
    return task.to(next((tensor.device for tensor in held["state_dict"].values()), "cpu"))


def fit_weights(
    task: LightningModule, held: dict[str, Any], path: str | os.PathLike[str], strict: bool = True
) -> None:
    """Give a task the weights of a checkpoint, in the precision that they have.

    Raises:
        ValueError: they do not fit, in one line.
    """
    weights = held["state_dict"]
    for name, tensor in (*task.named_parameters(), *task.named_buffers()):
        if name in weights:  # trained in another precision
            tensor.data = tensor.data.to(weights[name].dtype)
    try:
        task.load_state_dict(weights, strict=strict)
    except RuntimeError as error:  # as many lines as there are tensors
        raise ValueError(f"{path} does not fit the task: {' '.join(str(error).split()):.300}") from None


def load(path: str | os.PathLike[str], map_location: Any = None, **given: Any) -> Any:
    """The task of a checkpoint, of whatever class it is; see :func:`gpool.load`."""
    return task_from(read_checkpoint(path, map_location), path, LightningModule, given)


def _with(description: Any, given: dict[str, Any]) -> Any:
    """The description with the user's arguments: each where it is missing, else where it is used."""
    for name, value in given.items():
        owners = [owner for _, owner in sorted(_owners(description, name), key=lambda found: found[0])]
        (owners or [description])[0].setdefault("init_args", {})[name] = Given(value)
    return description


def _owners(description: Any, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Descriptions that have an argument, from the outside in; first in rank where it is missing."""
    if isinstance(description, (list, tuple)):
        for part in description:
            yield from _owners(part, name)
    elif isinstance(description, dict):
        arguments = description.get("init_args") or {}
        if name in arguments:
            value = arguments[name]
            lacking = isinstance(value, dict) and "missing" in value
            yield (0 if lacking else 2 if value is None else 1), description
        yield from _owners([*arguments.values(), *description.get("args", [])], name)
