"""The base of data modules of labeled graphs: folds, loaders, widths."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from gpool.data.folds import Split, stratified_split

__all__ = ["GraphData", "Task", "labels_of"]

Task = Literal["binary", "multiclass", "multilabel", "regression"]


def labels_of(graphs: Sequence[Data]) -> np.ndarray:
    """Class of every graph, [G]."""
    return torch.cat([graph.y.view(1) for graph in graphs]).numpy()


class GraphData(LightningDataModule):
    """Labeled graphs in stratified folds, as a LightningDataModule.

    A subclass implements :meth:`load`, which returns the graphs, each with ``x`` and an integer ``y``; one
    that has splits of its own overrides :meth:`lay_out` or :attr:`split`. The loaders of one seed deliver the
    same batches whatever model is trained on them.

    Args:
        fold: which fold is the test set.
        folds: number of folds.
        val_fraction: share of the other graphs that is set aside for selection.
        split_seed: seed of the folds; another seed gives other folds.
        batch_size: graphs per batch.
        num_workers: processes that make batches; 0 makes them in the training process.

    Raises:
        ValueError: for a fold, a fraction or a batch size out of range.
    """

    task: Task = "multiclass"

    def __init__(
        self,
        fold: int = 0,
        folds: int = 10,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= fold < folds:
            raise ValueError(f"fold={fold} must be between 0 and {folds - 1} (folds={folds})")
        if not 0 < val_fraction < 1:
            raise ValueError(f"val_fraction={val_fraction} must be between 0 and 1")
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        self.fold = fold
        self.folds = folds
        self.val_fraction = val_fraction
        self.split_seed = split_seed
        self.batch_size = batch_size
        self.num_workers = num_workers

    @abstractmethod
    def load(self) -> Sequence[Data]:
        """All graphs, in a fixed order."""

    @cached_property
    def graphs(self) -> Sequence[Data]:
        """All graphs, loaded when they are first asked for."""
        return self.load()

    @cached_property
    def labels(self) -> np.ndarray:
        """Class of every graph, [G]."""
        return labels_of(self.graphs)

    def lay_out(self, labels: np.ndarray) -> Split:
        """Positions of the graphs of each part, from the classes [G] of all."""
        return stratified_split(labels, self.fold, self.folds, self.val_fraction, self.split_seed)

    @cached_property
    def split(self) -> Split:
        """Positions of the graphs of each part."""
        return self.lay_out(self.labels)

    @property
    def num_features(self) -> int:
        """Width of the node features."""
        return self.graphs[0].num_node_features

    @property
    def num_outputs(self) -> int:
        """Number of model outputs per graph: the number of classes."""
        return int(self.labels.max()) + 1

    def setup(self, stage: str | None = None) -> None:
        """Load the graphs and lay out the parts."""
        _ = self.split

    def _loader(self, part: np.ndarray, shuffle: bool = False) -> DataLoader:
        generator = torch.Generator().manual_seed(torch.initial_seed() % 2**63)
        return DataLoader(
            [self.graphs[i] for i in part.tolist()],
            batch_size=self.batch_size,
            shuffle=shuffle,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            generator=generator,
        )

    def train_dataloader(self) -> DataLoader:
        """Batches of training graphs, shuffled by the seed of the run."""
        return self._loader(self.split.train, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Batches of validation graphs."""
        return self._loader(self.split.val)

    def test_dataloader(self) -> DataLoader:
        """Batches of test graphs."""
        return self._loader(self.split.test)

    def predict_dataloader(self) -> DataLoader:
        """Batches of test graphs."""
        return self._loader(self.split.test)
