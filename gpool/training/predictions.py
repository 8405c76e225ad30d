"""Predictions as a table on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from gpool.training.prediction_columns import Columns, label_columns, prediction_columns
from gpool.training.prediction_file import PredictionFile, refuse_old

__all__ = ["PredictionTable"]


class PredictionTable(Callback):
    """Writes what ``predict`` returns as CSV, one row per graph, node or pair, in the order of the data.

    A row has the ``id`` that the data module gives (``ids``, else the position), its ``part``, its ``label``
    and the ``prediction`` as the user wrote labels (``classes``), and the ``probability`` of every class, or
    the value of every target, as :func:`gpool.training.prediction_columns.prediction_columns` says. A pair
    has ``source``, ``target`` and ``score``.

    Args:
        filename: where to write, below the trainer's ``default_root_dir``; its folder is made.
        overwrite: write over an old file.
        classes: the user's labels in the order of class ids; None takes those of the data.

    Raises:
        ValueError: the file is there, ids or classes do not fit, or there are several processes.
    """

    def __init__(
        self,
        filename: str = "predictions.csv",
        overwrite: bool = False,
        classes: Sequence[Any] | None = None,
    ) -> None:
        self.filename, self.overwrite, self.classes = filename, overwrite, classes
        self._table: PredictionFile | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse to write over an old file before anything is predicted."""
        if stage == "predict":
            refuse_old(self._path(trainer), self.overwrite)
            if trainer.world_size > 1:
                raise ValueError(f"devices: {trainer.world_size} processes predict, a table needs one")

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the table."""
        data = _data(trainer)
        own = getattr(data, "labels", None)
        self._table = PredictionFile(
            self._path(trainer),
            getattr(data, "ids", None),
            getattr(data, "part_of", None),
            own if isinstance(own, list) else None,
        )

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
        assert self._table is not None
        self._table.add(*rows_of(pl_module, _data(trainer), outputs, batch, self.classes))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the table its name, and say where it is."""
        assert self._table is not None
        self._table.close()
        print(f"{self._table.rows} predictions are in {self._table.path}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no half of a table."""
        if self._table is not None:
            self._table.drop()

    def _path(self, trainer: Trainer) -> Path:
        return Path(trainer.default_root_dir) / self.filename


def rows_of(
    task: LightningModule, data: Any, output: Any, batch: Any, classes: Sequence[Any] | None = None
) -> tuple[Columns, Columns]:
    """The columns of the labels and of the predictions of a batch."""
    kind = getattr(getattr(task, "objective", None), "task", None)
    theirs = getattr(data, "classes", None)
    labels: Columns = {}
    y = getattr(batch, "y", None)
    if isinstance(output, dict):  # of pairs: those to be predicted have no label
        if isinstance(y, Tensor) and not bool(y.isnan().any()):
            labels = label_columns(y, "binary")
    elif isinstance(output, Tensor) and isinstance(y, Tensor) and len(y) == len(output):
        labels = label_columns(y, getattr(data, "task", kind), theirs)
    return labels, prediction_columns(output, kind, theirs if classes is None else classes)


def _data(trainer: Trainer) -> Any:
    return getattr(trainer, "datamodule", None)
