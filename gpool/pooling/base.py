"""The contract of hierarchical pooling, checked in one place."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gpool.ops.arguments import check_count, check_ids, check_positive, check_type, readable
from gpool.pooling.pooled import Pooled

__all__ = ["Pooling"]


class Pooling(torch.nn.Module, ABC):
    """Graph -> smaller graph. A subclass implements :meth:`pool`, which gets arguments that were checked.

    Args:
        channels: width C of the node features, kept by the pooling.

    Shape:
        N nodes, E edges, B graphs, C channels.

        - ``x`` [N, C] floating point, ``edge_index`` int64 [2, E], ``edge_attr`` weights [E] or features [E,
        D]
        - ``batch`` int64 [N], in any order; one graph by default. ``batch_size`` B; read off the batch vector
          by default, which synchronises with the device. An empty graph stays empty.
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
        check_graph(x, edge_index, edge_attr, batch, batch_size, self.channels)
        if not torch.compiler.is_compiling():
            check_type("x", x, next(self.parameters(), x))
        if batch is None:
            batch = edge_index.new_zeros(x.size(0))
            batch_size = 1 if batch_size is None else batch_size
        elif batch_size is None:
            batch_size = int(batch.max()) + 1 if batch.numel() > 0 else 0
        return self.pool(x, edge_index, edge_attr, batch, batch_size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels})"


def check_graph(
    x: Tensor,
    edge_index: Tensor,
    edge_attr: Tensor | None,
    batch: Tensor | None,
    batch_size: int | None,
    channels: int,
) -> None:
    """Shapes, types and, where they may be looked at, the values of a batch of graphs."""
    if x.dim() != 2 or x.size(1) != channels or not x.is_floating_point():
        raise ValueError(
            f"x is {x.dtype} of shape {tuple(x.shape)}; it must be floating point [N, {channels}]"
        )
    check_edges(edge_index, edge_attr, x.size(0))
    check_batch(batch, batch_size, x.size(0))


def check_edges(edge_index: Tensor, edge_attr: Tensor | None, nodes: int) -> None:
    """Shape, type and values of the edges among ``nodes`` nodes."""
    if edge_index.dim() != 2 or edge_index.size(0) != 2 or edge_index.dtype != torch.long:
        raise ValueError(
            f"edge_index is {edge_index.dtype} of shape {tuple(edge_index.shape)}; it must be int64 [2, E]"
        )
    if edge_attr is not None and (edge_attr.dim() not in (1, 2) or edge_attr.size(0) != edge_index.size(1)):
        raise ValueError(
            f"edge_attr of shape {tuple(edge_attr.shape)} must be weights [E] or features [E, D] "
            f"of the E={edge_index.size(1)} edges"
        )
    if readable(edge_index):
        check_ids("edge_index", edge_index, nodes, "x.size(0)")


def check_batch(batch: Tensor | None, batch_size: int | None, nodes: int) -> None:
    """Shape, type and values of the graphs that ``nodes`` nodes belong to."""
    if batch_size is not None:
        check_count("batch_size", batch_size)
    if batch is None:
        if batch_size == 0 and nodes > 0:
            raise ValueError(f"batch_size=0 must be at least 1: there are {nodes} nodes")
        return
    if batch.dim() != 1 or batch.size(0) != nodes or batch.dtype != torch.long:
        raise ValueError(
            f"batch is {batch.dtype} of shape {tuple(batch.shape)}; it must be int64 [N] for N={nodes} nodes"
        )
    if readable(batch):
        check_ids("batch", batch, batch_size, "batch_size")
