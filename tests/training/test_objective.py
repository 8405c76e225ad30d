"""Losses and metrics against scikit-learn and loops, missing labels included."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, mean_absolute_error, roc_auc_score

from gpool.training import Objective


def measured(objective: Objective, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, float]:
    metrics = objective.metrics("test/")
    for prediction, label in batches:
        objective.update(metrics, prediction, label)
    return {name: value.item() for name, value in metrics.compute().items()}


def test_multiclass() -> None:
    objective = Objective("multiclass", 3)
    prediction, label = torch.randn(20, 3), torch.randint(3, (20,))
    assert torch.equal(objective.loss(prediction, label), F.cross_entropy(prediction, label))
    got = measured(objective, [(prediction[:7], label[:7]), (prediction[7:], label[7:])])
    assert got["test/acc"] == pytest.approx((prediction.argmax(1) == label).float().mean().item())


def test_binary() -> None:
    objective = Objective("binary", 1)
    prediction, label = torch.randn(40, 1), torch.randint(2, (40,))
    assert objective.loss(prediction, label) == F.binary_cross_entropy_with_logits(
        prediction.view(-1), label.float()
    )
    got = measured(objective, [(prediction, label)])
    assert got["test/auroc"] == pytest.approx(roc_auc_score(label, prediction.view(-1)), abs=1e-6)
    assert got["test/acc"] == pytest.approx(((prediction.view(-1) > 0) == (label == 1)).float().mean().item())


def test_multilabel_leaves_missing_labels_out() -> None:
    objective = Objective("multilabel", 4)
    prediction, label = torch.randn(60, 4), torch.randint(2, (60, 4)).float()
    label[torch.rand(60, 4) < 0.3] = math.nan
    known = ~label.isnan()
    expected = F.binary_cross_entropy_with_logits(prediction[known], label[known])
    assert torch.allclose(objective.loss(prediction, label), expected)
    got = measured(objective, [(prediction[:25], label[:25]), (prediction[25:], label[25:])])
    columns = [(label[known[:, t], t], prediction[known[:, t], t]) for t in range(4)]
    assert got["test/auroc"] == pytest.approx(np.mean([roc_auc_score(*c) for c in columns]), abs=1e-6)
    assert got["test/ap"] == pytest.approx(np.mean([average_precision_score(*c) for c in columns]), abs=1e-6)


def test_regression_leaves_missing_labels_out() -> None:
    objective = Objective("regression", 2)
    prediction, label = torch.randn(30, 2), torch.randn(30, 2)
    label[::3, 0] = math.nan
    known = ~label.isnan()
    assert torch.allclose(objective.loss(prediction, label), F.mse_loss(prediction[known], label[known]))
    got = measured(objective, [(prediction, label)])
    assert got["test/mae"] == pytest.approx(mean_absolute_error(label[known], prediction[known]), rel=1e-5)
    assert got["test/rmse"] == pytest.approx(
        F.mse_loss(prediction[known], label[known]).sqrt().item(), rel=1e-5
    )


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_a_missing_label_has_no_gradient_and_none_at_all_no_loss(task: str) -> None:
    objective = Objective(task, 2)  # type: ignore[arg-type]
    prediction = torch.randn(3, 2, requires_grad=True)
    label = torch.tensor([[1.0, math.nan], [math.nan, math.nan], [0.0, 1.0]])
    objective.loss(prediction, label).backward()
    assert prediction.grad is not None
    assert torch.equal(prediction.grad != 0, ~label.isnan())
    assert objective.loss(prediction, torch.full((3, 2), math.nan)) == 0


def test_refuses() -> None:
    with pytest.raises(ValueError, match="out_channels=2 must be 1 for task='binary'"):
        Objective("binary", 2)
    with pytest.raises(ValueError, match="out_channels=1 must be at least 2"):
        Objective("multiclass", 1)
    with pytest.raises(ValueError, match="task='ranking' must be one of"):
        Objective("ranking", 1).metrics("test/")  # type: ignore[arg-type]
