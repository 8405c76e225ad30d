"""The base of data modules of labeled graphs: folds, loaders, widths."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch_geometric.data import Data, OnDiskDataset

from gpool.data.checked_graphs import CheckedGraphs, checked_graphs
from gpool.data.files.splits import read_split
from gpool.data.folds import Split, drawn_split, part_names
from gpool.data.graph_store import GraphStore
from gpool.data.labeled import Labeled
from gpool.data.labels import Task

__all__ = ["GraphData", "Task"]


class GraphData(Labeled):
    """Labeled graphs in folds, as a LightningDataModule.

    A subclass implements :meth:`load`, which returns the graphs, each with ``x``, ``edge_index`` and ``y``,
    and says what its labels are in ``task``; one that has splits of its own overrides :meth:`lay_out` or
    :attr:`split`. The loaders of one seed deliver the same batches whatever model is trained on them.

    All graphs are checked once, when they are first asked for, and kept in one store of which batches are
    sliced. Floats are trained on as float32 and node ids as int64; integer features become float32 too,
    except where ``categorical`` is true. Labels of classes are numbered from 0 in sorted order.

    Args:
        fold: which fold is the test set.
        folds: number of folds.
        val_fraction: share of the other graphs that is set aside for selection.
        split_seed: seed of the folds; another seed gives other folds.
        batch_size: graphs per batch.
        num_workers: processes that make batches; 0 makes them in the training process.
        split_files: published folds in place of drawn ones, see :func:`gpool.data.read_split`; ``{seed}`` in
            it stands for ``split_seed``.

    Raises:
        ValueError: for a fold, a fraction or a batch size out of range.
    """

    def __init__(
        self,
        fold: int = 0,
        folds: int = 10,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        batch_size: int = 32,
        num_workers: int = 0,
        split_files: str | None = None,
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
        self.split_files = split_files

    @abstractmethod
    def load(self) -> Sequence[Data] | OnDiskDataset:
        """All graphs, in a fixed order."""

    @cached_property
    def checked(self) -> CheckedGraphs:
        """The graphs, what their labels say and their ids, loaded and checked when first asked for."""
        return checked_graphs(self.load(), self.wanted_task(), self.categorical)

    @property
    def graphs(self) -> GraphStore:
        """All graphs as they are trained on, by position."""
        return self.checked.store

    @cached_property
    def part_of(self) -> list[str]:
        """The part of every graph: ``"train"``, ``"val"`` or ``"test"``; ``""`` where it is in none."""
        return part_names(self.split, len(self.graphs))

    def split_path(self) -> Path:
        """Where the published folds lie."""
        return Path(str(self.split_files).replace("{seed}", str(self.split_seed)))

    def lay_out(self, labels: np.ndarray) -> Split:
        """Positions of the graphs of each part, from the labels of all: published folds, or drawn ones.

        Folds are stratified by class, except for labels of several columns, real numbers, and missing ones.
        """
        if self.split_files is not None:
            path = self.split_path()
            split = read_split(path, self.fold, labels, self.val_fraction, self.split_seed)
            listed = sum(map(len, split))
            if listed != len(labels):
                raise ValueError(
                    f"split_files={str(path)!r}: fold {self.fold} lists {listed} graphs, the set has "
                    f"{len(labels)}; the folds must be those of this set"
                )
            return split
        return drawn_split(labels, self.fold, self.folds, self.val_fraction, self.split_seed)

    @cached_property
    def split(self) -> Split:
        """Positions of the graphs of each part."""
        return self.lay_out(self.labels)

    @property
    def num_features(self) -> int:
        """Width of the node features."""
        return int(self.graphs[0].num_node_features)

    def setup(self, stage: str | None = None) -> None:
        """Load and check the graphs and lay out the parts."""
        _ = self.split

    def _loader(self, part: np.ndarray | None = None, shuffle: bool = False) -> DataLoader:
        positions = list(range(len(self.graphs))) if part is None else part.tolist()
        return DataLoader(
            positions,  # type: ignore[arg-type]
            batch_size=self.batch_size,
            shuffle=shuffle,
            num_workers=self.num_workers,
            collate_fn=self.graphs.batch,
            persistent_workers=self.num_workers > 0,
            generator=torch.Generator().manual_seed(torch.initial_seed() % 2**63),
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
        """Batches of all graphs, in their order; :attr:`part_of` says which were trained on."""
        return self._loader()
