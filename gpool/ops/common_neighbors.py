"""Sums over the common neighbors of node pairs."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["common_neighbors"]


def common_neighbors(rowptr: Tensor, col: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """The common neighbors of every pair, and the pair that each belongs to.

    The neighbors of the end with fewer of them are looked up in the row of the other, by bisection of keys
    row N + col; nothing of size [pairs, N] is made.

    Args:
        rowptr, col: sorted rows of neighbors, [N + 1] and [E], each neighbor of a row once.
        pairs: [B, 2].

    Shape:
        - output [M] and [M]: nodes, rising for every pair, and pairs, rising.

    A pair without common neighbors is not among them. A node is not its own neighbor, unless it has a loop.

    >>> import torch
    >>> rowptr, col = torch.tensor([0, 2, 4, 6, 8]), torch.tensor([1, 3, 0, 2, 1, 3, 0, 2])  # a square
    >>> common_neighbors(rowptr, col, torch.tensor([[0, 2], [0, 1]]))
    (tensor([1, 3]), tensor([0, 0]))
    """
    size, degree = rowptr.numel() - 1, rowptr.diff()
    swap = degree[pairs[:, 0]] > degree[pairs[:, 1]]
    few = torch.where(swap, pairs[:, 1], pairs[:, 0])
    many = torch.where(swap, pairs[:, 0], pairs[:, 1])
    count = degree[few]
    owner = torch.repeat_interleave(torch.arange(pairs.size(0), device=pairs.device), count)
    first = rowptr[few] - (count.cumsum(0) - count)
    node = col[torch.arange(owner.numel(), device=pairs.device) + first[owner]]
    keys = torch.repeat_interleave(torch.arange(size, device=col.device), degree) * size + col
    wanted = many[owner] * size + node
    place = torch.searchsorted(keys, wanted).clamp(max=max(keys.numel() - 1, 0))
    found = keys[place] == wanted if keys.numel() > 0 else torch.zeros_like(wanted, dtype=torch.bool)
    return node[found], owner[found]
