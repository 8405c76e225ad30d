"""Columns of a table of predictions: the user's labels, probabilities or values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gpool.ops.precision import widened

__all__ = ["Columns", "label_columns", "prediction_columns"]

Columns = dict[str, list[Any]]


def prediction_columns(output: Any, task: str | None, classes: Sequence[Any] | None = None) -> Columns:
    """What a model returned for B graphs, nodes or pairs, as columns of B values.

    | ``task`` | output | columns |
    | --- | --- | --- |
    | ``"multiclass"`` | logits [B, K] | ``prediction``, the class, and ``probability_CLASS`` for each |
    | ``"binary"`` | logits [B, 1] | the same, for two classes |
    | ``"multilabel"`` | logits [B, T] | ``prediction_t``, 0 or 1, and ``probability_t`` for each target |
    | ``"regression"`` | [B, T] | ``prediction``, or ``prediction_t`` for each of several targets |
    | None | [B, K] | ``output_k`` for each |

    A dict of columns stays as it is.

    Args:
        output: the tensor or dict.
        task: kind of label.
        classes: the user's labels, in the order of class ids; None takes the ids.

    Raises:
        ValueError: there are not as many classes as outputs.
    """
    if isinstance(output, dict):
        return {name: _values(column) for name, column in output.items()}
    output = widened(output.detach().cpu()).reshape(output.size(0), -1)
    if task == "regression":
        return _several("prediction", output)
    if task == "multilabel":
        share = output.sigmoid()
        return {**_several("prediction", (share > 0.5).long()), **_several("probability", share)}
    if task not in ("binary", "multiclass"):
        return {f"output_{k}": _values(column) for k, column in enumerate(output.unbind(1))}
    share = output.softmax(1)
    if task == "binary":
        share = torch.cat([(-output).sigmoid(), output.sigmoid()], dim=1)
    labels = list(range(share.size(1))) if classes is None else list(classes)
    if len(labels) != share.size(1):
        raise ValueError(f"classes={labels} must be {share.size(1)}, the number of the model's classes")
    chosen = {"prediction": [labels[k] for k in share.argmax(1).tolist()]}
    return chosen | {f"probability_{label}": _values(share[:, k]) for k, label in enumerate(labels)}


def label_columns(y: Tensor, task: str | None, classes: Sequence[Any] | None = None) -> Columns:
    """Labels of B graphs or nodes as their owner wrote them; a missing one is empty."""
    rows = y.detach().cpu().reshape(len(y), -1)
    if task == "regression":
        columns = _several("label", rows)
        return {name: ["" if value == "nan" else value for value in held] for name, held in columns.items()}
    if task == "multilabel":
        classes = None
    names = ["label"] if rows.size(1) == 1 else [f"label_{t}" for t in range(rows.size(1))]
    return {
        name: [_name(value, classes) for value in column.tolist()]
        for name, column in zip(names, rows.unbind(1), strict=True)
    }


def _name(label: float, classes: Sequence[Any] | None) -> Any:
    """The user's own label; nothing where it is missing (NaN) or none of the classes (-1)."""
    if math.isnan(label) or label < 0:
        return ""
    return int(label) if classes is None else classes[int(label)]


def _several(name: str, rows: Tensor) -> Columns:
    """One column of the name, or one numbered column per target."""
    if rows.size(1) == 1:
        return {name: _values(rows[:, 0])}
    return {f"{name}_{t}": _values(column) for t, column in enumerate(rows.unbind(1))}


def _values(column: Any) -> list[Any]:
    """Numbers with as many digits as their type has."""
    if not isinstance(column, Tensor):
        return list(column)
    column = column.detach().cpu()
    if not column.is_floating_point():
        return list(column.tolist())
    return [str(value) for value in widened(column).numpy()]
