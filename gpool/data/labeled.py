"""What data modules of labeled graphs and of labeled nodes share: the task, the classes and the ids."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule

from gpool.data.checked_graphs import CheckedGraphs
from gpool.data.checked_nodes import CheckedNodes
from gpool.data.labels import Labels, Task

__all__ = ["Labeled"]


class Labeled(LightningDataModule):
    """A LightningDataModule of rows with labels, graphs or nodes, that are checked once.

    A subclass gives them as :attr:`checked`. M is the number of rows, T that of labels per row.
    """

    task: Task = "multiclass"
    """Kind of label."""
    categorical: bool = False
    """Whether integer features stay integers, for an encoder that embeds them."""

    @property
    @abstractmethod
    def checked(self) -> CheckedGraphs | CheckedNodes:
        """The data, what their labels say and their ids, loaded and checked when first asked for."""

    def wanted_task(self) -> Task | None:
        """What the labels must suit; None finds the task from them."""
        return self.task

    @property
    def _found(self) -> Labels:
        assert self.checked.labels is not None  # they are asked for
        return self.checked.labels

    @property
    def labels(self) -> np.ndarray:
        """Labels as trained on: class ids [M] for multiclass and binary, else [M, T]; NaN is missing."""
        y = self._found.y
        return (y.view(-1) if self._found.classes is not None else y).numpy()

    @property
    def classes(self) -> tuple[Any, ...] | None:
        """The labels as their owner wrote them, in the order of class ids; None unless there are classes."""
        return self._found.classes

    @property
    def ids(self) -> list[Any]:
        """One id per row, its owner's where the data have some, else its position.

        Those of graphs are each in its ``id``, ``graph_id`` or ``name``, those of nodes all in ``id``,
        ``node_id`` or ``name`` of their graph.
        """
        return self.checked.ids

    @property
    def num_outputs(self) -> int:
        """Number of model outputs per row: K classes, one logit for ``"binary"``, or T labels."""
        return self._found.outputs
