"""The base of data modules of one graph with masks."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property

import numpy as np
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from gpool.data.checked_nodes import CheckedNodes, checked_nodes
from gpool.data.folds import Split
from gpool.data.labeled import Labeled

__all__ = ["OneGraph"]


class OneGraph(Labeled):
    """One graph whose nodes have labels, as a LightningDataModule: every batch is the whole graph.

    A subclass implements :meth:`load`, which returns the graph with ``x``, ``edge_index``, ``y`` and the
    masks ``train_mask``, ``val_mask`` and ``test_mask``, each [N], and says what its labels are in ``task``.
    The graph is checked once, when it is first asked for, and converted like those of
    :class:`gpool.data.GraphData`. A node in no mask may have any label.
    """

    @abstractmethod
    def load(self) -> Data:
        """The whole graph."""

    @cached_property
    def checked(self) -> CheckedNodes:
        """The graph, what its labels say and the nodes' ids, loaded and checked when first asked for."""
        return checked_nodes(self.load(), self.wanted_task(), self.categorical)

    @property
    def graph(self) -> Data:
        """The whole graph as it is trained on."""
        return self.checked.graph

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
