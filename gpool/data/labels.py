"""Labels as their owner wrote them -> task, class ids and the labels that a model is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

__all__ = ["Labels", "Task", "plain_label", "read_labels"]

Task = Literal["binary", "multiclass", "multilabel", "regression"]
WANTED = "y must be a tensor, a number or a string"


class Labels(NamedTuple):
    """What labels say: ``y`` is [M] of class ids for ``"multiclass"``, else [M, T]; NaN is missing."""

    y: Tensor
    task: Task
    classes: tuple[Any, ...] | None
    outputs: int


def read_labels(
    y: Tensor | Sequence[Any], count: int, task: Task | None = None, name: Callable[[int], str] = str
) -> Labels:
    """The task, the classes and the labels to train on, from the labels of ``count`` graphs or nodes.

    Without ``task``: strings, integers and booleans of one column are classes (two are ``"binary"``), floats
    of one column are ``"binary"`` where all are 0 or 1 and ``"regression"`` else; more columns are
    ``"multilabel"`` where all are 0 or 1 and ``"regression"`` else. Classes are numbered in sorted order.

    Args:
        y: a tensor with M x T entries, or M strings.
        count: M.
        task: what the labels must suit.
        name: what an error calls the graph or node at a position.

    Raises:
        ValueError: for a label that does not suit the task; it names the graph or node.
    """
    if task is not None and task not in get_args(Task):
        raise ValueError(f"task={task!r} must be one of {', '.join(map(repr, get_args(Task)))}")
    if not isinstance(y, Tensor):
        return _from_names(y, task, name)
    if y.numel() % count or y.numel() == 0:
        raise ValueError(f"y has {y.numel()} entries for {count} labels; every one must have the same number")
    if not (y.dtype is torch.bool or y.dtype.is_floating_point or not y.dtype.is_complex):
        raise ValueError(f"{WANTED}, it is {y.dtype}")
    values = y.reshape(count, -1)
    values = values.float() if values.is_floating_point() else values
    _refuse(values.isinf(), values, name, "must be finite")
    missing = values.isnan()
    if missing.all():
        raise ValueError("y: every label is missing (NaN)")
    zero_one = missing | (values == 0) | (values == 1)
    task = task or _task_of(values, bool(zero_one.all()), missing)
    if task == "regression":
        return Labels(values.float(), task, None, values.size(1))
    if task == "multilabel":
        _refuse(~zero_one, values, name, "must be 0, 1 or NaN for task='multilabel'")
        values = values if values.is_floating_point() else values.long()
        return Labels(values, task, None, values.size(1))
    if values.size(1) > 1:
        raise ValueError(f"{name(0)}: y has {values.size(1)} columns, it must have 1 for task={task!r}")
    part = values.frac() != 0 if values.is_floating_point() else missing  # of NaN, too
    _refuse(part & ~missing, values, name, f"is no class; task={task!r} needs classes")
    if task == "binary":
        return _binary(values, bool(zero_one.all()), missing)
    _refuse(missing, values, name, "is no class; a label may be missing in other tasks than multiclass")
    found, ids = values.view(-1).unique(return_inverse=True)
    return Labels(ids, task, _several(tuple(found.tolist())), found.numel())


def plain_label(y: Any) -> Any:
    """A label as Python's own type: a number, a string, or a list of numbers."""
    if not isinstance(y, Tensor):
        return y
    return y.item() if y.numel() == 1 else y.flatten().tolist()


def _task_of(values: Tensor, zero_one: bool, missing: Tensor) -> Task:
    if values.size(1) > 1:
        return "multilabel" if zero_one else "regression"
    if values.is_floating_point():
        return "binary" if zero_one else "regression"
    return "binary" if values.unique().numel() == 2 else "multiclass"


def _binary(values: Tensor, zero_one: bool, missing: Tensor) -> Labels:
    if zero_one:
        classes: tuple[Any, ...] = (False, True) if values.dtype is torch.bool else (0, 1)
        return Labels(values if values.is_floating_point() else values.long(), "binary", classes, 1)
    found = values[~missing].unique()
    if found.numel() != 2:
        raise ValueError(f"y has the {found.numel()} classes {_some(found.tolist())}; task='binary' needs 2")
    y = (values == found[1]).to(torch.float32 if missing.any() else torch.long)
    return Labels(
        y.masked_fill(missing, torch.nan) if missing.any() else y, "binary", tuple(found.tolist()), 1
    )


def _from_names(y: Sequence[Any], task: Task | None, name: Callable[[int], str]) -> Labels:
    wrong = next((k for k, label in enumerate(y) if not isinstance(label, str)), None)
    if wrong is not None:
        raise ValueError(f"{name(wrong)}: {WANTED}, it is {type(y[wrong]).__name__}")
    found, ids = np.unique(np.array(y), return_inverse=True)
    classes = _several(tuple(found.tolist()))
    task = task or ("binary" if len(classes) == 2 else "multiclass")
    if task not in ("binary", "multiclass"):
        raise ValueError(f"{name(0)}: y={y[0]!r} must be a number for task={task!r}")
    if task == "binary" and len(classes) != 2:
        raise ValueError(f"y has the {len(classes)} classes {_some(classes)}; task='binary' needs 2")
    binary = task == "binary"
    return Labels(torch.from_numpy(ids).view(-1, *[1] * binary), task, classes, 1 if binary else len(classes))


def _several(classes: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(classes) < 2:
        raise ValueError(f"y: every label is {classes[0]!r}; a classification needs two classes")
    return classes


def _some(classes: Sequence[Any]) -> str:
    return ", ".join(map(repr, classes[:5])) + (", ..." if len(classes) > 5 else "")


def _refuse(wrong: Tensor, values: Tensor, name: Callable[[int], str], rule: str) -> None:
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise ValueError(f"{name(row)}: y={values[row, column].item():.6g} {rule}")
