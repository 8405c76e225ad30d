"""Data for the tests of predictions: small sets whose labels and ids are their owner's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from gpool.data.base import Task
from tests.bench.parts import Coins


class Named(Coins):
    """The coins with names, and labels that are words."""

    task: Task = "multiclass"
    classes = ("tail", "head")

    @property
    def ids(self) -> list[Any]:
        return [f"coin {k}" for k in range(len(self.graphs))]

    @property
    def part_of(self) -> list[str]:
        parts = dict.fromkeys(range(len(self.graphs)), "train")
        parts |= {int(k): "val" for k in self.split.val} | {int(k): "test" for k in self.split.test}
        return [parts[k] for k in range(len(self.graphs))]

    def predict_dataloader(self) -> DataLoader:
        return DataLoader([self.graphs[k] for k in range(len(self.graphs))], batch_size=self.batch_size)


class Unlabeled(LightningDataModule):
    """Graphs of a file, without labels, by position."""

    def __init__(self, source: str | Sequence[Data], categorical: bool = False) -> None:
        super().__init__()
        self.graphs = torch.load(source, weights_only=False) if isinstance(source, str) else source

    @property
    def num_features(self) -> int:
        return int(self.graphs[0].num_node_features)

    def predict_dataloader(self) -> DataLoader:
        return DataLoader(self.graphs, batch_size=2)
