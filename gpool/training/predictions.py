"""Predictions as a table on disk."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

__all__ = ["PredictionTable"]


class PredictionTable(BasePredictionWriter):
    """Writes what ``predict`` returns as CSV, one line per graph, node or pair, in the order of the data.

    A prediction [B, K] becomes the columns ``output0`` to ``outputK-1`` (logits for a classification); a
    dict of tensors [B] becomes its columns by name.

    Args:
        filename: where to write, below the trainer's ``default_root_dir``.
    """

    def __init__(self, filename: str = "predictions.csv") -> None:
        super().__init__(write_interval="epoch")
        self.filename = filename

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        predictions: Sequence[Any],
        batch_indices: Sequence[Any] | None,
    ) -> None:
        """Write the whole table."""
        batches = [_columns(prediction) for prediction in predictions]
        path = Path(trainer.default_root_dir) / self.filename
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["row", *(batches[0] if batches else [])])
            row = 0
            for batch in batches:
                for values in zip(*batch.values(), strict=True):
                    writer.writerow([row, *values])
                    row += 1
        print(f"{row} predictions are in {path}")


def _columns(prediction: Any) -> dict[str, list[Any]]:
    if isinstance(prediction, Tensor):
        flat = prediction.reshape(prediction.size(0), -1)
        return {f"output{k}": column.tolist() for k, column in enumerate(flat.unbind(1))}
    return {
        name: column.tolist() if isinstance(column, Tensor) else column for name, column in prediction.items()
    }
