"""The contract of hierarchical pooling, checked in one place."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gpool.ops.checks.arguments import check_positive
from gpool.ops.checks.graphs import check_features, check_graph, filled_batch
from gpool.pooling.pooled import Pooled

__all__ = ["Pooling"]


class Pooling(torch.nn.Module, ABC):
    """Graph -> smaller graph. A subclass implements :meth:`pool`, which gets arguments that were checked.

    Args:
        channels: width C of the node features, kept by the pooling.

    Shape:
        - N nodes, E edges, B graphs, C channels.
        - ``x`` [N, C] floating point, ``edge_index`` int64 [2, E], ``edge_attr`` [E] or [E, D]
        - ``batch`` integers [N], in any order; one graph by default. ``batch_size`` B; read off the batch
          vector by default, which synchronizes with the device. An empty graph stays empty.
        - returns :class:`Pooled`
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        check_positive(channels=channels)
        self.channels = channels

    @abstractmethod
    def pool(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, batch: Tensor, batch_size: int
    ) -> Pooled:
        """The pooling itself, on checked arguments."""

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Pooled:
        """Pool the graphs of a batch.

        Raises:
            ValueError: an argument has the wrong shape or type; the message names it, what it is and what it
                must be.
            TypeError: x is of another type than the parameters; ``batch_size`` is no integer.
            IndexError: an entry of ``edge_index`` is not a node, or one of ``batch`` no graph. Only the CPU
                looks at values, unless :mod:`gpool.ops.checks` switches that off.
        """
        check_features(x, self.channels, next(self.parameters(), None))
        check_graph(x, edge_index, edge_attr, batch, batch_size)
        batch, batch_size = filled_batch(x, batch, batch_size)
        return self.pool(x, edge_index, edge_attr, batch.long(), batch_size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels})"
