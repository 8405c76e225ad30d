"""Nodes with leading dimensions as one longer list of nodes, and the rows of its graphs back."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gpool.ops.checks.arguments import length_along
from gpool.ops.segment import Segments, resolve

__all__ = ["graph_rows", "node_ids", "node_rows"]


def node_rows(
    x: Tensor, channels: int, index: Tensor | None, ptr: Tensor | None, dim_size: int | None, dim: int
) -> tuple[Tensor, Segments]:
    """``x`` [..., N, C] as [M, C], and whose rows these are: M = N times the number P of leading entries.

    The graphs of every leading entry are graphs of their own, P * B together.
    """
    length = length_along(x, dim)
    if x.size(-1) != channels or dim in (-1, x.dim() - 1):
        raise ValueError(
            f"x of shape {tuple(x.shape)}, pooled along dim={dim}, "
            f"must have channels={channels} in its last dimension"
        )
    segments = resolve(index, ptr, dim_size, length, x.device)
    if x.dim() == 2:
        return x, segments
    rows = x.movedim(dim, -2)  # [..., N, C]
    copies = math.prod(rows.shape[:-2])
    first = torch.arange(copies, device=x.device).unsqueeze(1) * segments.size
    return rows.flatten(0, -2), Segments((first + segments.segment).flatten(), copies * segments.size)


def graph_rows(y: Tensor, x: Tensor, dim: int) -> Tensor:
    """[P * B, D] back to the shape of ``x``, whose ``dim`` has become B."""
    if x.dim() == 2:
        return y
    lead = x.movedim(dim, -2).shape[:-2]
    return y.reshape(*lead, y.size(0) // math.prod(lead), y.size(-1)).movedim(-2, dim)


def node_ids(ids: Tensor, x: Tensor, dim: int) -> Tensor:
    """Nodes of any leading entry [B] as those of all of them, [P * B], for :func:`node_rows`; -1 stays."""
    copies = math.prod(x.movedim(dim, -2).shape[:-2])
    first = torch.arange(copies, device=x.device).unsqueeze(1) * x.size(dim)
    return torch.where(ids < 0, ids, first + ids).flatten()
