"""Loss and metrics for each kind of label."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    BinaryAccuracy,
    BinaryAUROC,
    MulticlassAccuracy,
    MultilabelAUROC,
    MultilabelAveragePrecision,
)
from torchmetrics.regression import MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError

from gpool.data.base import Task
from gpool.ops.precision import widened

__all__ = ["Objective"]

MISSING = -1  # an integer label that torchmetrics leaves out


class Objective(nn.Module):
    """From predictions and labels to a loss and to metrics, for one kind of label.

    | ``task`` | predictions | labels | loss | metrics |
    | --- | --- | --- | --- | --- |
    | ``"multiclass"`` | [B, K] | [B], 0 to K-1 | cross entropy | accuracy |
    | ``"binary"`` | [B, 1] | [B] or [B, 1], 0 or 1 | binary cross entropy | accuracy, ROC-AUC |
    | ``"multilabel"`` | [B, T] | [B, T], 0 or 1 | binary cross entropy | ROC-AUC and AP, means over tasks |
    | ``"regression"`` | [B, T] | [B, T] | mean squared error | MAE, RMSE, MAPE |

    A missing label (NaN) counts in neither the loss nor the metrics; a batch without any label has loss 0.

    Args:
        task: kind of label.
        outputs: K classes or T tasks.

    Raises:
        ValueError: for an unknown task, or a number of outputs that does not suit it.
    """

    def __init__(self, task: Task, outputs: int) -> None:
        super().__init__()
        if task == "binary" and outputs != 1:
            raise ValueError(f"out_channels={outputs} must be 1 for task='binary' (one logit)")
        if task == "multiclass" and outputs < 2:
            raise ValueError(f"out_channels={outputs} must be at least 2 for task='multiclass'")
        self.task = task
        self.outputs = outputs

    def target(self, label: Tensor) -> Tensor:
        """Labels in the shape of the loss: [B] of integers for classes, else [B, outputs] of floats."""
        if self.task == "multiclass":
            return label.view(-1).long()
        return label.view(-1, self.outputs).float()

    def loss(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Mean loss over the labels that are there; of half types in float32."""
        prediction = widened(prediction)
        if self.task == "multiclass":
            return F.cross_entropy(prediction, self.target(label))
        target = label.view(-1, self.outputs).to(prediction.dtype)
        known = ~target.isnan()
        filled = torch.where(known, target, torch.zeros_like(target))
        if self.task == "regression":
            each = F.mse_loss(prediction, filled, reduction="none")
        else:
            each = F.binary_cross_entropy_with_logits(prediction, filled, reduction="none")
        return (each * known).sum() / known.sum().clamp(min=1)

    def metrics(self, prefix: str) -> MetricCollection:
        """A fresh collection of this task's metrics, named ``prefix`` + name."""
        each: dict[str, Metric | MetricCollection]
        if self.task == "multiclass":
            each = {"acc": MulticlassAccuracy(self.outputs, average="micro")}
        elif self.task == "binary":
            each = {"acc": BinaryAccuracy(ignore_index=MISSING), "auroc": BinaryAUROC(ignore_index=MISSING)}
        elif self.task == "multilabel":
            each = {
                "auroc": MultilabelAUROC(self.outputs, ignore_index=MISSING),
                "ap": MultilabelAveragePrecision(self.outputs, ignore_index=MISSING),
            }
        elif self.task == "regression":
            each = {
                "mae": MeanAbsoluteError(),
                "rmse": MeanSquaredError(squared=False),
                "mape": MeanAbsolutePercentageError(),
            }
        else:
            raise ValueError(
                f"task={self.task!r} must be one of 'binary', 'multiclass', 'multilabel', 'regression'"
            )
        return MetricCollection(each, prefix=prefix)

    def update(self, metrics: MetricCollection, prediction: Tensor, label: Tensor) -> None:
        """Take one batch into the metrics."""
        prediction, target = prediction.detach().float(), self.target(label)
        if self.task == "multiclass":
            metrics.update(prediction, target)
        elif self.task == "regression":
            known = ~target.isnan()
            metrics.update(prediction[known], target[known])
        else:
            target = torch.where(target.isnan(), torch.full_like(target, MISSING), target).long()
            metrics.update(prediction, target)
