"""The contract of hierarchical pooling, checked in one place."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gpool.pooling.pooled import Pooled

__all__ = ["Pooling"]


class Pooling(torch.nn.Module, ABC):
    """Graph -> smaller graph. A subclass implements :meth:`pool`, which gets arguments that were checked.

    Args:
        channels: width C of the node features, kept by the pooling.

    Shape:
        N nodes, E edges, B graphs, C channels.

        - ``x`` [N, C] floating point, ``edge_index`` int64 [2, E], ``edge_attr`` weights [E] or features [E, D]
        - ``batch`` int64 [N], in any order; one graph by default. ``batch_size`` B; read off the batch vector
          by default, which synchronises with the device. An empty graph stays empty.
        - returns :class:`Pooled`
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"channels={channels} must be at least 1")
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
            ValueError: an argument has the wrong shape or type; the message names it, what it is and what it must be.
        """
        check_graph(x, edge_index, edge_attr, batch, batch_size, self.channels)
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
    """Shapes and types of a batch of graphs; values, which would need a look at the device, are not read."""
    if x.dim() != 2 or x.size(1) != channels or not x.is_floating_point():
        raise ValueError(
            f"x is {x.dtype} of shape {tuple(x.shape)}; it must be floating point [N, {channels}]"
        )
    if edge_index.dim() != 2 or edge_index.size(0) != 2 or edge_index.dtype != torch.long:
        raise ValueError(
            f"edge_index is {edge_index.dtype} of shape {tuple(edge_index.shape)}; it must be int64 [2, E]"
        )
    if edge_attr is not None and (edge_attr.dim() not in (1, 2) or edge_attr.size(0) != edge_index.size(1)):
        raise ValueError(
            f"edge_attr of shape {tuple(edge_attr.shape)} must be weights [E] or features [E, D] "
            f"of the E={edge_index.size(1)} edges"
        )
    if batch is not None and (batch.shape != x.shape[:1] or batch.dtype != torch.long):
        raise ValueError(
            f"batch is {batch.dtype} of shape {tuple(batch.shape)}; it must be int64 [N] for N={x.size(0)} nodes"
        )
    if batch_size is not None and batch_size < 0:
        raise ValueError(f"batch_size={batch_size} must not be negative")
