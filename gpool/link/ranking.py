"""How well scores rank links above non-links: Hits@K and mean reciprocal rank."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["hits_at", "mean_reciprocal_rank"]


def hits_at(k: int, positive: Tensor, negative: Tensor) -> Tensor:
    """Share of the positive scores [P] that exceed the k-th largest negative score [M], a number.

    As in the Open Graph Benchmark (arXiv:2005.00687): a positive that only equals it is no hit; with fewer
    than k negatives every positive is one. Without a positive it is NaN.

    >>> import torch
    >>> hits_at(1, torch.tensor([0.9, 0.2]), torch.tensor([0.5, 0.1])).item()
    0.5
    """
    if k < 1:
        raise ValueError(f"k={k} must be at least 1")
    if negative.numel() < k:
        return (positive == positive).float().mean()
    return (positive > negative.topk(k).values[-1]).float().mean()


def mean_reciprocal_rank(score: Tensor, y: Tensor, group: Tensor) -> Tensor:
    """Mean of 1 / rank of every positive among the negatives of its group, a number.

    The rank is 1 + the negatives above it + half of those equal to it (OGB's: the mean of the optimistic and
    the pessimistic one). Groups without a positive do not count. Shape: score, y, group [B]; group from 0 on.

    >>> import torch
    >>> score, y = torch.tensor([0.5, 0.9, 0.1]), torch.tensor([1, 0, 0])
    >>> mean_reciprocal_rank(score, y, torch.zeros(3, dtype=torch.long)).item()
    0.5
    """
    is_link = y > 0.5
    owner, best = group[is_link], score[is_link]
    reference = torch.full((int(group.max()) + 1,), torch.nan, dtype=score.dtype, device=score.device)
    reference[owner] = best
    against, negative = reference[group[~is_link]], score[~is_link]
    ahead = (negative > against).double() + 0.5 * (negative == against).double()
    rank = torch.ones_like(reference, dtype=torch.double).index_add(0, group[~is_link], ahead)
    return (1.0 / rank[owner]).mean()
