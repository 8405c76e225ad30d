"""Ring and grid graphs with coordinates as features."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch_geometric.data import Data
from torch_geometric.utils import grid, to_undirected

from gpool.data.base import Task
from gpool.data.one_graph import OneGraph

__all__ = ["RingOrGrid"]


class RingOrGrid(OneGraph):
    """A ring or a square grid whose node features and targets are coordinates in [-1, 1].

    For reconstruction: an autoencoder pools the graph, un-pools it and has to recover the coordinates. All
    nodes belong to the training, the validation and the test part.

    Args:
        name: ``"ring"``, or ``"grid"`` with neighbors along rows and columns.
        nodes: number of nodes; a square number for a grid.

    Raises:
        ValueError: for another name, a ring of fewer than 3 nodes, or a grid of 1 node or whose number of
            nodes is not a square.
    """

    task: Task = "regression"

    def __init__(self, name: Literal["ring", "grid"], nodes: int = 64) -> None:
        super().__init__()
        if name not in ("ring", "grid"):
            raise ValueError(f"name={name!r} must be 'ring' or 'grid'")
        if name == "ring" and nodes < 3:
            raise ValueError(f"nodes={nodes} must be at least 3 for a ring")
        if name == "grid" and (nodes < 4 or math.isqrt(nodes) ** 2 != nodes):
            raise ValueError(f"nodes={nodes} must be a square number, at least 4, for a grid")
        self.shape = name
        self.nodes = nodes

    def load(self) -> Data:
        """The ring or grid, with masks [N] that are all true."""
        if self.shape == "ring":
            node = torch.arange(self.nodes)
            angle = 2 * math.pi * node / self.nodes
            place = torch.stack([angle.cos(), angle.sin()], dim=1)
            edge_index = to_undirected(torch.stack([node, (node + 1) % self.nodes]))
        else:
            side = math.isqrt(self.nodes)
            edge_index, place = grid(side, side)
            ends = place[edge_index]  # PyG's grid joins diagonal neighbors and every node to itself, too
            edge_index = edge_index[:, (ends[0] - ends[1]).abs().sum(1) == 1]
            place = 2 * place / (side - 1) - 1
        everyone = torch.ones(self.nodes, dtype=torch.bool)
        return Data(
            x=place.float(),
            edge_index=edge_index,
            y=place.float(),
            train_mask=everyone,
            val_mask=everyone,
            test_mask=everyone,
        )
