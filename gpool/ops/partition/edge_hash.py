"""Hashes of undirected edges: what is the same for (u, v) and (v, u), without looking for an edge's mate."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.splitmix import mix

__all__ = ["asymmetry", "edge_coins", "refuse_directed"]


def asymmetry(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Zero iff every edge (u, v) occurs as often as (v, u), up to a chance of about 2^-60: int64 scalar.

    The sum over edges of a_u b_v - a_v b_u modulo 2^64, for two fixed hashes a and b of the nodes: no sort.
    """
    node = torch.arange(num_nodes, device=edge_index.device)
    a, b = mix(2 * node), mix(2 * node + 1)
    row, col = edge_index[0], edge_index[1]
    forth = a.index_select(0, row) * b.index_select(0, col)
    back = a.index_select(0, col) * b.index_select(0, row)
    return forth.sum() - back.sum()


def refuse_directed(edge_index: Tensor, num_nodes: int) -> None:
    """Raise a ValueError unless every edge occurs in both directions (on a GPU an asynchronous assertion)."""
    odd = asymmetry(edge_index, num_nodes)
    message = "edge_index is directed; it must hold both (u, v) and (v, u) of every edge: use to_undirected"
    if torch.compiler.is_compiling() or odd.device.type != "cpu":
        torch._assert_async(odd == 0, message)
    elif int(odd) != 0:
        raise ValueError(message)


def edge_coins(edge_index: Tensor, chance: float) -> Tensor:
    """One coin for every undirected edge, the same for (u, v) and (v, u), true with probability ``chance``:
    [E].

    The coin is a hash of {u, v} and a seed drawn from torch's generator: no edge has to look for its mate.
    """
    seed = torch.randint(2**62, (), device=edge_index.device)
    return (_hash(edge_index, seed) & 0x7FFFFFFF) < round(chance * 2**31)


def _hash(edge_index: Tensor, seed: Tensor) -> Tensor:
    """A well-mixed int64 of every undirected edge {u, v}."""
    low = torch.minimum(edge_index[0], edge_index[1])
    high = torch.maximum(edge_index[0], edge_index[1])
    return mix(low * 0x1E3779B97F4A7C15 + high * 0x3F58476D1CE4E5B9 + seed)
