"""Tasks and data that the plans of these tests name: small, fast, and one that fails."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from gpool.data import GraphData
from gpool.data.base import Task
from gpool.data.folds import Split
from gpool.training import GraphTask


class Coins(GraphData):
    """60 graphs of two nodes; the label is the sign of the first node's feature."""

    task: Task = "multiclass"

    def load(self) -> Sequence[Data]:
        generator = torch.Generator().manual_seed(7)
        x = torch.randn(60, 2, 1, generator=generator)
        edge_index = torch.tensor([[0, 1], [1, 0]])
        return [Data(row, edge_index, y=(row[:1, 0] > 0).long()) for row in x]


class Garbled(Coins):
    """The same graphs, but whatever is in the test part is garbled, features and labels."""

    def load(self) -> Sequence[Data]:
        graphs = list(super().load())
        for k in Coins(fold=self.fold).split.test.tolist():
            graphs[k] = Data(3 - 2 * graphs[k].x, graphs[k].edge_index, y=1 - graphs[k].y)
        return graphs

    def lay_out(self, labels: np.ndarray) -> Split:
        return Coins(fold=self.fold).split


class Selecting(Coins):
    """A leak: the epoch is selected on the test part."""

    def val_dataloader(self) -> DataLoader:
        return self.test_dataloader()


class SelectingGarbled(Garbled, Selecting):
    """The leak of :class:`Selecting`, on garbled data."""


class Training(Coins):
    """A leak: the test part is trained on."""

    def train_dataloader(self) -> DataLoader:
        return self._loader(np.concatenate([self.split.train, self.split.test]), shuffle=True)


class TrainingGarbled(Garbled, Training):
    """The leak of :class:`Training`, on garbled data."""


class Overlapping(Coins):
    """A leak that its split shows."""

    def lay_out(self, labels: np.ndarray) -> Split:
        return Split(np.arange(30), np.arange(30, 45), np.arange(40, 60))


class Broken(GraphTask):
    """A task whose training fails."""

    def training_step(self, batch: Data, step: int) -> torch.Tensor:
        raise RuntimeError("this one\n  always fails")


class Deadly(GraphTask):
    """A task that takes its process down."""

    def training_step(self, batch: Data, step: int) -> torch.Tensor:
        os._exit(9)


class Told(GraphTask):
    """A task that says what its numbers must be read with."""

    def describe(self) -> dict[str, object]:
        return {"policy": "inference", "links": 3}


class Lengths(Coins):
    """The same graphs with a number to predict."""

    task: Task = "regression"
    num_outputs = 1

    def load(self) -> Sequence[Data]:
        return [Data(g.x, g.edge_index, y=g.x.norm().view(1)) for g in super().load()]

    def lay_out(self, labels: object) -> Split:
        return Split(*(np.arange(start, start + 20) for start in (0, 20, 40)))


class Marked(GraphTask):
    """A task that notes in a file, named by the environment, that its training has begun."""

    def on_fit_start(self) -> None:
        with Path(os.environ["GPOOL_TEST_MARK"]).open("a") as file:
            file.write(f"{os.getpid()} {tempfile.gettempdir()}\n")


def note_and_wait(note: Path, until: Path) -> int:
    """Leave a note, wait for another, and return this process."""
    with note.open("a") as file:
        file.write("begun\n")
    while not until.exists():
        time.sleep(0.01)
    return os.getpid()


def die() -> None:
    """Take the process down."""
    os._exit(9)
