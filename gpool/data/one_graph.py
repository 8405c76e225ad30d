"""The base of data modules of one graph with masks."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from gpool.data.checked_nodes import CheckedNodes, checked_nodes
from gpool.data.folds import Split
from gpool.data.labels import Labels, Task

__all__ = ["OneGraph"]


class OneGraph(LightningDataModule):
    """One graph whose nodes have labels, as a LightningDataModule: every batch is the whole graph.

    A subclass implements :meth:`load`, which returns the graph with ``x``, ``edge_index``, ``y`` and the
    masks ``train_mask``, ``val_mask`` and ``test_mask``, each [N], and says what its labels are in ``task``.
    The graph is checked once, when it is first asked for, and converted like those of
    :class:`gpool.data.GraphData`. A node in no mask may have any label.
    """

    task: Task = "multiclass"
    """Kind of label."""
    categorical: bool = False
    """Whether integer features stay integers, for an encoder that embeds them."""

    @abstractmethod
    def load(self) -> Data:
        """The whole graph."""

    def wanted_task(self) -> Task | None:
        """What the labels must suit; None finds the task from them."""
        return self.task

    @cached_property
    def checked(self) -> CheckedNodes:
        """The graph, what its labels say and the nodes' ids, loaded and checked when first asked for."""
        return checked_nodes(self.load(), self.wanted_task(), self.categorical)

    @property
    def graph(self) -> Data:
        """The whole graph as it is trained on."""
        return self.checked.graph

    @property
    def _found(self) -> Labels:
        assert self.checked.labels is not None  # they are asked for
        return self.checked.labels

    @property
    def labels(self) -> np.ndarray:
        """Labels as trained on: class ids [N] for ``"multiclass"`` and ``"binary"``, else [N, T]."""
        y = self._found.y
        return (y.view(-1) if self._found.classes is not None else y).numpy()

    @property
    def classes(self) -> tuple[Any, ...] | None:
        """The labels as their owner wrote them, in the order of class ids; None unless there are classes."""
        return self._found.classes

    @property
    def ids(self) -> list[Any]:
        """One id per node: those in ``id``, ``node_id`` or ``name`` where there are N, else positions."""
        return self.checked.ids

    @cached_property
    def part_of(self) -> list[str]:
        """The part of every node: ``"train"``, ``"val"`` or ``"test"`` (the first it is in), or ``""``."""
        names = np.full(self.graph.num_nodes, "", dtype=object)
        for part in reversed(Split._fields):
            names[self.graph[f"{part}_mask"].numpy()] = part
        return list(names)

    @property
    def num_features(self) -> int:
        """Width of the node features."""
        return int(self.graph.num_node_features)

    @property
    def num_outputs(self) -> int:
        """Number of model outputs per node: K classes, one logit for ``"binary"``, or T labels."""
        return self._found.outputs

    def setup(self, stage: str | None = None) -> None:
        """Load and check the graph."""
        _ = self.graph

    def _loader(self) -> DataLoader:
        return DataLoader([self.graph], batch_size=None)  # type: ignore[arg-type]

    def train_dataloader(self) -> DataLoader:
        """The whole graph, once per epoch."""
        return self._loader()

    def val_dataloader(self) -> DataLoader:
        """The whole graph."""
        return self._loader()

    def test_dataloader(self) -> DataLoader:
        """The whole graph."""
        return self._loader()

    def predict_dataloader(self) -> DataLoader:
        """The whole graph; :attr:`part_of` says which nodes were trained on."""
        return self._loader()
