"""A user's own graphs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader
from torch_geometric.data import Data, OnDiskDataset

from gpool.data.base import GraphData
from gpool.data.checked_graphs import CheckedGraphs, checked_graphs
from gpool.data.files.splits import given_split
from gpool.data.folds import Split
from gpool.data.graph_store import GraphStore
from gpool.data.labels import Task, plain_label
from gpool.data.sources import Source, read_source

__all__ = ["Graphs", "NewGraphs"]


class Graphs(GraphData):
    """Your own labeled graphs: a list, a PyG data set, a file, or an import path to what makes them.

    Every graph needs ``x`` [N, D], ``edge_index`` [2, E] and ``y``; ``edge_attr`` and other attributes are
    batched too. ``y`` may be a number, a string or a tensor. The kind of label is found from them: strings,
    integers and booleans are classes (two are ``"binary"``, more ``"multiclass"``), floats are
    ``"regression"`` unless all are 0 or 1, and several columns of 0 and 1 are ``"multilabel"``. In YAML:
    ``data: {class_path: gpool.data.Graphs, init_args: {source: my_module.my_graphs}}``.

    A ``.pt`` file is loaded without running code from it: it must hold ``Data``, a list of ``Data``, or what
    PyG's ``InMemoryDataset.save`` writes. An ``OnDiskDataset`` stays on disk: it is read once to check it,
    then batch by batch. Of any other data set, the transform is applied once.

    Args:
        source: the graphs.
        init_args: arguments of the function or class that ``source`` names.
        task: what the labels must be; None finds it from them.
        split_files: published folds, see :class:`GraphData`.
        splits: positions of the graphs of each part, ``{"train": [...], "val": [...], "test": [...]}``, or a
            boolean mask for each.
        categorical: keep integer features as integers, for an encoder that embeds them.
        fold, folds, val_fraction, split_seed, batch_size, num_workers: see :class:`GraphData`; folds are
            stratified by class, and only shuffled for ``"multilabel"`` and ``"regression"``.

    Raises:
        ValueError, TypeError, FileNotFoundError: for a source that is none of these, graphs that cannot be
            trained on, and labels or splits that do not fit, in one line that names the graph.

    >>> import torch
    >>> from torch_geometric.data import Data
    >>> edge_index = torch.tensor([[0, 1], [1, 0]])
    >>> mine = [Data(torch.randn(2, 3), edge_index, y=("cat", "dog")[k % 2]) for k in range(40)]
    >>> data = Graphs(mine)
    >>> data.task, data.classes, data.num_features, data.num_outputs
    ('binary', ('cat', 'dog'), 3, 1)
    """

    def __init__(
        self,
        source: Source,
        *,
        init_args: dict[str, Any] | None = None,
        task: Task | None = None,
        split_files: str | None = None,
        splits: dict[str, Any] | None = None,
        categorical: bool = False,
        fold: int = 0,
        folds: int = 10,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> None:
        super().__init__(fold, folds, val_fraction, split_seed, batch_size, num_workers, split_files)
        if splits is not None and (split_files is not None or fold != 0):
            raise ValueError("splits must be given without split_files and fold; they are one split")
        self.source, self.init_args = source, init_args
        self.splits = splits
        self.categorical = categorical
        self._task = task

    def load(self) -> Sequence[Data] | OnDiskDataset:
        """All graphs of the source."""
        return read_source(self.source, self.init_args)

    def wanted_task(self) -> Task | None:
        """The task that was given, if any."""
        return self._task

    @property
    def task(self) -> Task:  # type: ignore[override]
        """Kind of label: given, or found from the labels."""
        return self._task or self._found.task

    def lay_out(self, labels: np.ndarray) -> Split:
        """Positions of the graphs of each part: given, published, or drawn."""
        return super().lay_out(labels) if self.splits is None else given_split(self.splits, len(labels))


class NewGraphs(LightningDataModule):
    """Graphs to predict only, checked as :class:`Graphs` checks them; labels are optional and not used.

    Args:
        source: the graphs, see :class:`Graphs`.
        init_args: arguments of the function or class that ``source`` names.
        num_features: width that the node features must have, such as that of the training graphs.
        categorical: see :class:`Graphs`.
        batch_size: graphs per batch.

    Raises:
        ValueError, TypeError, FileNotFoundError: as :class:`Graphs`; node features of another width.
    """

    def __init__(
        self,
        source: Source,
        *,
        init_args: dict[str, Any] | None = None,
        num_features: int | None = None,
        categorical: bool = False,
        batch_size: int = 32,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        self.source, self.init_args = source, init_args
        self.width, self.categorical, self.batch_size = num_features, categorical, batch_size

    @cached_property
    def given(self) -> Sequence[Data] | OnDiskDataset:
        """The graphs as they were given."""
        return read_source(self.source, self.init_args)

    @cached_property
    def checked(self) -> CheckedGraphs:
        """The graphs and their ids, checked when first asked for."""
        checked = checked_graphs(self.given, None, self.categorical, labeled=False)
        found = checked.store[0].num_node_features
        if self.width not in (None, found):
            raise ValueError(f"x has {found} columns, it must have {self.width}, as the graphs trained on")
        return checked

    @property
    def graphs(self) -> GraphStore:
        """All graphs, by position, without labels."""
        return self.checked.store

    @property
    def ids(self) -> list[Any]:
        """One id per graph: its own ``id``, ``graph_id`` or ``name`` where it has one, else its position."""
        return self.checked.ids

    @cached_property
    def labels(self) -> list[Any] | None:
        """The labels as their owner wrote them, where the graphs have some."""
        return [plain_label(graph.y) for graph in self.given] if "y" in self.given[0] else None

    @property
    def num_features(self) -> int:
        """Width of the node features."""
        return int(self.graphs[0].num_node_features)

    def setup(self, stage: str | None = None) -> None:
        """Load and check the graphs."""
        _ = self.checked

    def predict_dataloader(self) -> DataLoader:
        """Batches of all graphs, in their order."""
        return DataLoader(
            list(range(len(self.graphs))),  # type: ignore[arg-type]
            batch_size=self.batch_size,
            collate_fn=self.graphs.batch,
        )
