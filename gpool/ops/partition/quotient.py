"""A partition of the nodes -> the smaller graph, its edges' attributes carried along; and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gpool.ops.blocks import BLOCKS, block_rows
from gpool.ops.masks import places, positions
from gpool.ops.segment import Segments, segment_max, segment_mean, segment_min, segment_sum
from gpool.ops.sorted_keys import sort_keys

__all__ = ["REDUCE", "Coarse", "induced", "lift", "quotient", "sum_of_map"]

REDUCE = {"sum": segment_sum, "mean": segment_mean, "max": segment_max, "min": segment_min}


class Coarse(NamedTuple):
    """The smaller graph's edges and their attributes, and which of them every original edge went into."""

    edge_index: Tensor  # [2, E']
    edge_attr: Tensor | None  # [E'] or [E', D]
    edge_cluster: Tensor  # [E], -1 where the edge has vanished


def quotient(
    edge_index: Tensor,
    cluster: Tensor,
    num_clusters: int,
    edge_attr: Tensor | None = None,
    reduce: str = "sum",
    keep: Tensor | None = None,
) -> Coarse:
    """The graph of clusters, with one edge (a, b), a != b, where any edge joins cluster a to cluster b.

    Sorted by source, then target; without duplicates and self-loops. Several edges between the same two
    clusters have their attributes reduced; an edge inside a cluster disappears.

    Args:
        edge_index: [2, E].
        cluster: the cluster of every node, int64 [N]; -1 where it is in none; such a node loses its edges.
        num_clusters: K.
        edge_attr: weights [E] or features [E, D].
        reduce: "sum", "mean", "max" or "min".
        keep: mask [E] of the edges that take part; all by default.
    """
    source, target = cluster.index_select(0, edge_index[0]), cluster.index_select(0, edge_index[1])
    cross = source != target
    if keep is not None:
        cross = cross & keep
    cross = cross & ((source | target) >= 0)
    index = positions(cross)
    key = source.index_select(0, index) * num_clusters + target.index_select(0, index)
    key, order = sort_keys(key, num_clusters * num_clusters)
    first = torch.ones_like(key, dtype=torch.bool)
    first[1:] = key[1:] != key[:-1]
    group = first.cumsum(0) - 1
    index = index.index_select(0, order)
    edge_cluster = torch.full_like(edge_index[0], -1).scatter_(0, index, group)
    one = index.index_select(0, positions(first))  # an edge that went into each coarse edge
    coarse = torch.stack([source.index_select(0, one), target.index_select(0, one)])
    if edge_attr is not None:
        edge_attr = REDUCE[reduce](edge_attr.index_select(0, index), Segments(group, one.numel()))
    return Coarse(coarse, edge_attr, edge_cluster)


def induced(edge_index: Tensor, cluster: Tensor, edge_attr: Tensor | None = None) -> Coarse:
    """The graph on the kept nodes; ``cluster`` [N] is a node's new id or -1. An edge needs both."""
    source, target = cluster.index_select(0, edge_index[0]), cluster.index_select(0, edge_index[1])
    index = positions((source | target) >= 0)
    edge_cluster = places(index, source.numel())
    coarse = torch.stack([source.index_select(0, index), target.index_select(0, index)])
    return Coarse(coarse, None if edge_attr is None else edge_attr.index_select(0, index), edge_cluster)


def lift(z: Tensor, cluster: Tensor) -> Tensor:
    """Every node gets the row of its cluster, a dropped node (-1) a row of zeros: [K, ...] -> [N, ...]."""
    zeros = z.new_zeros(1, *z.shape[1:])
    return torch.cat([z, zeros]).index_select(0, cluster.remainder(z.size(0) + 1))


def sum_of_map(function: Callable[[Tensor], Tensor], x: Tensor, cluster: Tensor, num_clusters: int) -> Tensor:
    """The sum of a row-wise function of the nodes over every cluster: [N, C] -> [K, C']."""
    if torch.compiler.is_compiling():
        return segment_sum(function(x), Segments(cluster, num_clusters))
    step = block_rows(x.size(1), BLOCKS)
    total: Tensor | None = None
    for rows, home in zip(x.split(step), cluster.split(step), strict=True):
        value = function(rows)
        if total is None:
            total = value.new_zeros(num_clusters, value.size(1))
        total = total.index_add_(0, home, value)
    assert total is not None
    return total
