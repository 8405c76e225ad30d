"""Scores by a data set's own evaluator, after a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

__all__ = ["OfficialScores"]


class OfficialScores(Callback):
    """Prints the scores of the data's own evaluator on validation and test when the fit is over.

    The weights are those of the best checkpoint where one was selected, and of the last epoch otherwise. The
    data module must have ``evaluate(prediction, label)``, as :class:`gpool.data.OGBGraph` has.

    Attributes:
        scores: the same numbers, part -> metric -> value.

    Raises:
        ValueError: the data module has no ``evaluate``.
    """

    def __init__(self) -> None:
        self.scores: dict[str, dict[str, float]] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse data without an evaluator before any training."""
        if not callable(getattr(_data(trainer), "evaluate", None)):
            raise ValueError(f"data={type(_data(trainer)).__name__} must have evaluate(prediction, label)")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Score the selected weights; those of the last epoch are put back."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        data = _data(trainer)
        last = {name: value.clone() for name, value in pl_module.state_dict().items()}
        epoch = trainer.current_epoch
        best = getattr(trainer.checkpoint_callback, "best_model_path", "")
        if best and Path(best).is_file():
            saved = torch.load(best, weights_only=True, map_location=pl_module.device)
            pl_module.load_state_dict(saved["state_dict"])
            epoch = saved["epoch"] + 1
        for part, loader in (("validation", data.val_dataloader()), ("test", data.test_dataloader())):
            self.scores[part] = data.evaluate(*_predict(pl_module, loader))
            for metric, value in self.scores[part].items():
                print(f"{part} {metric} {value:.4f} (the data's own evaluator, epoch {epoch})")
        pl_module.load_state_dict(last)


def _data(trainer: Trainer) -> Any:
    return trainer.datamodule  # type: ignore[attr-defined]


@torch.no_grad()
def _predict(module: LightningModule, loader: Any) -> tuple[Tensor, Tensor]:
    training = module.training
    module.eval()
    predictions, labels = [], []
    for batch in loader:
        predictions.append(module(batch.to(module.device)).cpu())
        labels.append(batch.y.cpu())
    module.train(training)
    return torch.cat(predictions), torch.cat(labels)
