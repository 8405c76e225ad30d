"""What a run leaves beside its record: the predictions of its test part, and its weights where asked for."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor

from gpool.training.prediction_columns import Columns
from gpool.training.predictions import rows_of

__all__ = ["CHECKPOINT", "PREDICTIONS", "kept_checkpoint", "kept_predictions"]

PREDICTIONS = "predictions/{key}.csv.gz"  # in the folder of a benchmark
CHECKPOINT = "checkpoints/{key}.ckpt"


def kept_checkpoint(trainer: Trainer, folder: str) -> bytes:
    """A checkpoint of the weights that the trainer's task has now, without the optimizer."""
    path = Path(folder) / "kept.ckpt"
    trainer.save_checkpoint(path, weights_only=True)
    return path.read_bytes()


def kept_predictions(trainer: Trainer, task: LightningModule, data: LightningDataModule) -> bytes:
    """The test part's ids, labels, predictions and probabilities: CSV, compressed.

    Made by the trainer, so on the device and in the precision of the test.
    """
    rows = TestRows(data)
    trainer.callbacks.append(rows)  # type: ignore[attr-defined]
    data.predict_dataloader = data.test_dataloader  # type: ignore[method-assign]
    trainer.predict(task, datamodule=data, return_predictions=False)
    return gzip.compress(rows.text.getvalue().encode(), mtime=0)


class TestRows(Callback):
    """Collects a table of what is predicted, one row per graph, node or pair of the test part.

    Args:
        data: whose ids and labels the rows have.
    """

    __test__ = False  # no test of pytest

    def __init__(self, data: Any) -> None:
        self.data = data
        self.text = io.StringIO(newline="")
        self._writer = csv.writer(self.text)
        part = getattr(getattr(data, "split", None), "test", None)
        self._places: Sequence[int] | None = None if part is None else part.tolist()
        self._seen = 0

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the rows of a batch."""
        labels, predictions = rows_of(pl_module, self.data, outputs, batch)
        columns = {**labels, **predictions}
        count = len(next(iter(columns.values())))
        kept = list(range(count))
        mask = getattr(batch, "test_mask", None)
        if isinstance(mask, Tensor) and mask.numel() == count:  # every node is predicted
            kept = mask.nonzero().view(-1).tolist()
        if "source" not in columns:
            places = [self._seen + k for k in kept]
            columns = {"id": self._ids(places), **_picked(columns, kept)}
        if self._seen == 0:
            self._writer.writerow(columns)
        self._seen += count
        self._writer.writerows(zip(*columns.values(), strict=True))

    def _ids(self, places: list[int]) -> list[Any]:
        if self._places is not None:
            places = [self._places[k] for k in places]
        ids = getattr(self.data, "ids", None)
        return places if ids is None else [ids[k] for k in places]


def _picked(columns: Columns, kept: list[int]) -> Columns:
    return {name: [column[k] for k in kept] for name, column in columns.items()}
