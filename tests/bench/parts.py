"""Tasks and data that the plans of these tests name: small, fast, and one that fails."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch_geometric.data import Data

from gpool.data import GraphData
from gpool.data.base import Task
from gpool.training import GraphTask


class Coins(GraphData):
    """60 graphs of two nodes; the label is the sign of the first node's feature."""

    task: Task = "multiclass"

    def load(self) -> Sequence[Data]:
        generator = torch.Generator().manual_seed(7)
        x = torch.randn(60, 2, 1, generator=generator)
        edge_index = torch.tensor([[0, 1], [1, 0]])
        return [Data(row, edge_index, y=(row[:1, 0] > 0).long()) for row in x]


class Broken(GraphTask):
    """A task whose training fails."""

    def training_step(self, batch: Data, step: int) -> torch.Tensor:
        raise RuntimeError("this one\n  always fails")


class Deadly(GraphTask):
    """A task that takes its process down."""

    def training_step(self, batch: Data, step: int) -> torch.Tensor:
        import os

        os._exit(9)


class Told(GraphTask):
    """A task that says what its numbers must be read with."""

    def describe(self) -> dict[str, object]:
        return {"policy": "inference", "links": 3}
