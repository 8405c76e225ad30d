"""The base of data modules of one graph with masks."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from gpool.data.base import Task

__all__ = ["OneGraph"]


class OneGraph(LightningDataModule):
    """One graph whose nodes have labels, as a LightningDataModule: every batch is the whole graph.

    A subclass implements :meth:`load`, which returns the graph with ``train_mask``, ``val_mask`` and
    ``test_mask``, each [N].
    """

    task: Task = "multiclass"

    @abstractmethod
    def load(self) -> Data:
        """The whole graph."""

    @cached_property
    def graph(self) -> Data:
        """The whole graph, loaded when it is first asked for."""
        return self.load()

    @property
    def num_features(self) -> int:
        """Width of the node features."""
        return int(self.graph.num_node_features)

    @property
    def num_outputs(self) -> int:
        """Number of model outputs per node: the number of classes, or the width of the regression targets."""
        return int(self.graph.y.max()) + 1 if self.task == "multiclass" else int(self.graph.y.size(1))

    def setup(self, stage: str | None = None) -> None:
        """Load the graph."""
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
        """The whole graph."""
        return self._loader()
