"""A user's own graph of labeled nodes."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from gpool.data.checked_nodes import MASKS, CheckedNodes, checked_nodes, node_ids
from gpool.data.files.splits import given_split
from gpool.data.folds import Split, drawn_split
from gpool.data.labels import Task, read_labels
from gpool.data.one_graph import OneGraph
from gpool.data.sources import Source, read_source

__all__ = ["NewNodes", "Nodes"]


class Nodes(OneGraph):
    """Your own graph of labeled nodes: a PyG ``Data``, a data set or file of one, or an import path to it.

    The graph needs ``x`` [N, D], ``edge_index`` [2, E] and ``y`` with one label per node. Its parts are those
    of ``splits``, or its own ``train_mask``, ``val_mask`` and ``test_mask`` ([N], or [N, K] of which ``fold``
    picks one), or drawn. The kind of label is found as in :class:`gpool.data.Graphs`.

    Args:
        source: the graph.
        init_args: arguments of the function or class that ``source`` names.
        task: what the labels must be; None finds it from them.
        splits: positions of the nodes of each part, ``{"train": [...], "val": [...], "test": [...]}``, or a
            boolean mask for each.
        categorical: keep integer features as integers, for an encoder that embeds them.
        fold: which fold is the test set, or which of K masks is taken.
        folds: draw this many folds, stratified by class; None takes the masks where the graph has them, and
            draws 10 folds where it has not.
        val_fraction: share of the other nodes that is set aside for selection, where folds are drawn.
        split_seed: seed of drawn folds.

    Raises:
        ValueError, TypeError, FileNotFoundError: for a source that is none of these, a graph that cannot be
            trained on, and labels or splits that do not fit, in one line.
    """

    def __init__(
        self,
        source: Source | Data,  # text first: an import path is not to be called by the parser
        *,
        init_args: dict[str, Any] | None = None,
        task: Task | None = None,
        splits: dict[str, Any] | None = None,
        categorical: bool = False,
        fold: int = 0,
        folds: int | None = None,
        val_fraction: float = 0.1,
        split_seed: int = 0,
    ) -> None:
        super().__init__()
        if splits is not None and (fold != 0 or folds is not None):
            raise ValueError("splits must be given without fold and folds; they are one split")
        if not 0 < val_fraction < 1:
            raise ValueError(f"val_fraction={val_fraction} must be between 0 and 1")
        if fold < 0 or (folds is not None and fold >= folds):
            raise ValueError(f"fold={fold} must be between 0 and {(folds or 10) - 1} (folds={folds})")
        self.source, self.init_args = source, init_args
        self.splits = splits
        self.categorical = categorical
        self.fold, self.folds = fold, folds
        self.val_fraction, self.split_seed = val_fraction, split_seed
        self._task = task

    def wanted_task(self) -> Task | None:
        """The task that was given, if any."""
        return self._task

    @property
    def task(self) -> Task:  # type: ignore[override]
        """Kind of label: given, or found from the labels."""
        return self._task or self._found.task

    def load(self) -> Data:
        """The graph, with the masks of the split."""
        graph = copy.copy(_one(self.source, self.init_args))
        count = len(graph.x) if "x" in graph else int(graph.num_nodes or 0)
        if self.splits is not None:
            return _masked(graph, given_split(self.splits, count))
        if self.folds is None and all(key in graph for key in MASKS):
            return self._with_own_masks(graph)
        if "x" not in graph or "y" not in graph or not len(graph.y) == len(graph.x) == count:
            return graph  # the check says what is missing
        ids = node_ids(graph, count)
        found = read_labels(graph.y, count, self._task, lambda k: f"node {ids[k]!r}")
        labels = (found.y.view(-1) if found.classes is not None else found.y).numpy()
        split = drawn_split(labels, self.fold, self.folds or 10, self.val_fraction, self.split_seed)
        return _masked(graph, split)

    def _with_own_masks(self, graph: Data) -> Data:
        for key in MASKS:
            mask = graph[key]
            several = mask.size(1) if mask.dim() == 2 else 1
            if self.fold >= several:
                raise ValueError(f"fold={self.fold} must be between 0 and {several - 1}: {key} has {several}")
            graph[key] = mask[:, self.fold] if mask.dim() == 2 else mask
        return graph


class NewNodes(LightningDataModule):
    """One graph whose nodes are to be predicted only, checked as :class:`Nodes` does; labels are not used.

    Args:
        source: the graph, see :class:`Nodes`.
        init_args: arguments of the function or class that ``source`` names.
        num_features: width that the node features must have, such as that of the graph trained on.
        categorical: see :class:`Nodes`.
    """

    def __init__(
        self,
        source: Source | Data,  # text first: an import path is not to be called by the parser
        *,
        init_args: dict[str, Any] | None = None,
        num_features: int | None = None,
        categorical: bool = False,
    ) -> None:
        super().__init__()
        self.source, self.init_args = source, init_args
        self.width, self.categorical = num_features, categorical

    @cached_property
    def checked(self) -> CheckedNodes:
        """The graph and its nodes' ids, checked when first asked for."""
        graph = _one(self.source, self.init_args)
        checked = checked_nodes(graph, None, self.categorical, labeled=False)
        found = checked.graph.num_node_features
        if self.width not in (None, found):
            raise ValueError(f"x has {found} columns, it must have {self.width}, as the graph trained on")
        return checked

    @property
    def graph(self) -> Data:
        """The whole graph, without labels."""
        return self.checked.graph

    @property
    def ids(self) -> list[Any]:
        """One id per node: those in ``id``, ``node_id`` or ``name`` where there are N, else positions."""
        return self.checked.ids

    @property
    def num_features(self) -> int:
        """Width of the node features."""
        return int(self.graph.num_node_features)

    def setup(self, stage: str | None = None) -> None:
        """Load and check the graph."""
        _ = self.checked

    def predict_dataloader(self) -> DataLoader:
        """The whole graph."""
        return DataLoader([self.graph], batch_size=None)  # type: ignore[arg-type]


def _one(source: Any, init_args: dict[str, Any] | None) -> Data:
    graphs = read_source(source, init_args)
    if len(graphs) != 1:
        raise ValueError(f"source holds {len(graphs)} graphs, it must hold one; gpool.data.Graphs takes many")
    return graphs[0]


def _masked(graph: Data, split: Split) -> Data:
    for name, part in zip(Split._fields, split, strict=True):
        mask = torch.zeros(int(graph.num_nodes or 0), dtype=torch.bool)
        mask[torch.from_numpy(part)] = True
        graph[f"{name}_mask"] = mask
    return graph
