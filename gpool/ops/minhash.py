"""Sketches of the nodes around every node: MinHash signatures and HyperLogLog registers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gpool.ops.splitmix import mix

__all__ = ["cardinality", "grow", "jaccard", "registers", "signatures"]


def signatures(num_nodes: int, size: int, seed: int = 0) -> Tensor:
    """MinHash signatures of the sets {v}, int64 [N, size]; those of a union are the smallest of every column.

    From Broder 1997.
    """
    column = mix(torch.arange(size) + (seed << 32))
    return mix(mix(torch.arange(num_nodes)).unsqueeze(1) ^ column) & ((1 << 62) - 1)


def registers(num_nodes: int, size: int, seed: int = 0) -> Tensor:
    """HyperLogLog registers of the sets {v}, int8 [N, size]; those of a union are the largest of a column.

    From Flajolet et al. 2007. ``size`` must be a power of two, at least 16.
    """
    if size < 16 or size & (size - 1):
        raise ValueError(f"size={size} of the registers must be a power of two, at least 16")
    hashed = mix(mix(torch.arange(num_nodes)) + (seed << 32) + 1)
    rest = (hashed >> int(math.log2(size))) & ((1 << 50) - 1)
    low = torch.where(rest == 0, 1 << 50, rest & -rest)  # the lowest bit that is set
    out = torch.zeros(num_nodes, size, dtype=torch.int8)
    rank = low.double().log2().to(torch.int8) + 1
    return out.scatter(1, (hashed & (size - 1)).unsqueeze(1), rank.unsqueeze(1))


def grow(sketch: Tensor, edge_index: Tensor, largest: bool) -> Tensor:
    """The sketches of every node's set and those of its neighbors together, [N, size].

    ``largest`` for registers; the smallest entries are taken of signatures.
    """
    source, destination = edge_index
    index = destination.unsqueeze(1).expand(-1, sketch.size(1))
    return sketch.scatter_reduce(0, index, sketch[source], "amax" if largest else "amin")


def jaccard(left: Tensor, right: Tensor) -> Tensor:
    """|A and B| / |A or B| by the signatures [., size] of A and B: the share of columns that are equal."""
    return (left == right).float().mean(-1)


def cardinality(sketch: Tensor) -> Tensor:
    """Number of elements by the registers [., size]; the relative error is about 1.04 / sqrt(size)."""
    size = sketch.size(-1)
    bias = {16: 0.673, 32: 0.697, 64: 0.709}.get(size, 0.7213 / (1 + 1.079 / size))
    raw = bias * size * size / torch.exp2(-sketch.float()).sum(-1)
    empty = (sketch == 0).sum(-1)
    counted = size * (size / empty.clamp(min=1)).log()  # linear counting of small sets
    return torch.where((raw <= 2.5 * size) & (empty > 0), counted, raw)
