"""Checks of a batch of graphs: features, edges, and the graph of every node."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.checks.arguments import (
    check_count,
    check_integers,
    check_nonzero,
    check_type,
    checked_size,
    readable,
)

__all__ = ["check_batch", "check_edges", "check_features", "check_graph", "filled_batch"]


def check_features(x: Tensor, channels: int, like: Tensor | None) -> None:
    """Features [N, channels] of the type of the parameter ``like``."""
    if not isinstance(x, Tensor) or x.dim() != 2 or x.size(1) != channels or not x.is_floating_point():
        found = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise ValueError(f"x is {found}; it must be floating point [N, {channels}]")
    if like is not None:
        check_type("x", x, like)


def check_graph(
    x: Tensor,
    edge_index: Tensor,
    edge_attr: Tensor | None,
    batch: Tensor | None,
    batch_size: int | None,
) -> None:
    """All but the width and the type of the features."""
    if x.dim() < 2:
        raise ValueError(f"x of shape {tuple(x.shape)} must be [N, C]")
    check_edges(edge_index, edge_attr, x.size(0))
    check_batch(batch, batch_size, x.size(0))


def check_edges(edge_index: Tensor, edge_attr: Tensor | None, nodes: int) -> None:
    """Edges int64 [2, E] among ``nodes`` nodes, and their weights [E] or features [E, D]."""
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
        checked_size("edge_index", edge_index, nodes, "x.size(0)")


def check_batch(batch: Tensor | None, batch_size: int | None, nodes: int) -> None:
    """The graph of each of ``nodes`` nodes, integers [N] in 0 .. batch_size - 1."""
    if batch_size is not None:
        check_count("batch_size", batch_size)
    if batch is None:
        if batch_size is not None:
            check_nonzero("batch_size", batch_size, nodes)
        return
    check_integers("batch", batch)
    if batch.dim() != 1 or batch.size(0) != nodes:
        raise ValueError(f"batch of shape {tuple(batch.shape)} must be [N] for N={nodes} nodes")
    if readable(batch):
        checked_size("batch", batch, batch_size, "batch_size")


def filled_batch(x: Tensor, batch: Tensor | None, batch_size: int | None) -> tuple[Tensor, int]:
    """The graph of every node and the number of graphs: one graph by default; a missing size costs a sync."""
    if batch is None:
        size = 1 if batch_size is None else batch_size
        return torch.zeros(x.size(0), dtype=torch.long, device=x.device), size
    if batch_size is None:
        batch_size = int(batch.max()) + 1 if batch.numel() > 0 else 0
    return batch, batch_size
