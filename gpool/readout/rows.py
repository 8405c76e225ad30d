"""Leading dimensions as more graphs of one batch, for readouts whose mathematics is written for [N, C]."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gpool.ops.checks.arguments import check_type, length_along
from gpool.ops.segment import Segments, resolve

__all__ = ["as_one_batch"]


def as_one_batch(
    x: Tensor,
    channels: int,
    index: Tensor | None,
    ptr: Tensor | None,
    dim_size: int | None,
    dim: int,
    like: Tensor | None,
) -> tuple[Tensor, Segments, Callable[[Tensor], Tensor]]:
    """x [..., N, C] as rows [L N, C] of L B graphs, these, and what turns [L B, D] into [..., B, D].

    Raises:
        ValueError: x has not ``channels`` channels in its last dimension.
        TypeError: x is of another type than the parameter ``like``.
    """
    nodes = length_along(x, dim)
    if x.size(-1) != channels or dim in (-1, x.dim() - 1):
        raise ValueError(
            f"x of shape {tuple(x.shape)}, pooled along dim={dim}, "
            f"must have channels={channels} in its last dimension"
        )
    if like is not None:
        check_type("x", x, like)
    segments = resolve(index, ptr, dim_size, nodes, x.device)
    if x.dim() == 2:
        return x, segments, lambda y: y
    lead = x.movedim(dim, -2).shape[:-2]
    many = math.prod(lead)
    first = torch.arange(many, device=x.device) * segments.size
    rows = x.movedim(dim, -2).reshape(-1, channels)
    all_of = Segments((first.unsqueeze(1) + segments.segment).view(-1), many * segments.size)
    return rows, all_of, lambda y: y.view(*lead, segments.size, y.size(-1)).movedim(-2, dim)
