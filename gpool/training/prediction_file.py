"""A table of predictions in a file, which is there whole or not at all."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from gpool.training.prediction_columns import Columns

__all__ = ["PredictionFile", "refuse_old"]


def refuse_old(path: Path, overwrite: bool) -> None:
    """Refuse to write over a file unless that is said.

    Raises:
        ValueError: the file is there.
    """
    if path.exists() and not overwrite:
        raise ValueError(f"filename={path} is there already; overwrite=True writes over it")


class PredictionFile:
    """Writes rows as CSV below a temporary name; :meth:`close` gives the file its own.

    Every row begins with ``id``, the graph's or node's own or its position, and ``part``, where parts are
    known; pairs have the ids of both ends instead.

    Args:
        path: the file; its folder is made.
        ids: one id per row; None numbers the rows.
        parts: the part of every row, such as ``"test"``.
        labels: labels as their owner wrote them, one per row, where batches have none.
    """

    def __init__(
        self,
        path: Path,
        ids: Sequence[Any] | None = None,
        parts: Sequence[str] | None = None,
        labels: Sequence[Any] | None = None,
    ) -> None:
        self.path, self.ids = path, ids
        self.beside = {"part": parts, "label": labels}
        self.rows = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}")
        self._file: IO[str] = self._temporary.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)

    def add(self, labels: Columns, predictions: Columns) -> None:
        """Write the rows of a batch."""
        count = len(next(iter(predictions.values())))
        rows = slice(self.rows, self.rows + count)
        columns: Columns = {}
        if "source" not in predictions:
            ids = list(range(rows.start, rows.stop)) if self.ids is None else list(self.ids[rows])
            beside = {name: list(held[rows]) for name, held in self.beside.items() if held is not None}
            columns = {"id": ids, **beside}
        columns |= {**labels, **predictions}
        lengths = {name: len(column) for name, column in columns.items()}
        if set(lengths.values()) != {count}:
            raise ValueError(f"data: the ids, parts or labels do not fit the {count} predictions: {lengths}")
        if self.rows == 0:
            self._writer.writerow(columns)
        self._writer.writerows(zip(*columns.values(), strict=True))
        self.rows += count

    def close(self) -> None:
        """Give the file its name.

        Raises:
            ValueError: there are more ids than rows.
        """
        if self.ids is not None and 0 < self.rows < len(self.ids):
            self.drop()
            raise ValueError(f"data: predict_dataloader gives {self.rows} rows, ids has {len(self.ids)}")
        self._file.close()
        os.replace(self._temporary, self.path)

    def drop(self) -> None:
        """Leave no file."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)
