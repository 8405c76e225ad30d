"""How well scores rank links above non-links: Hits@K and mean reciprocal rank."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_scores", "hits_at", "mean_reciprocal_rank"]


def check_scores(score: Tensor) -> None:
    """Check that scores can be ranked.

    Raises:
        ValueError: NaN or infinite scores, with their number.
    """
    wrong = ~score.isfinite()
    if bool(wrong.any()):
        first = int(wrong.view(-1).nonzero()[0])
        raise ValueError(
            f"{int(wrong.sum())} of {score.numel()} scores are NaN or infinite, the first is "
            f"score[{first}] = {float(score.view(-1)[first])}; scores must be finite to be ranked"
        )


def hits_at(k: int, positive: Tensor, negative: Tensor) -> Tensor:
    """Share of the positive scores [P] that exceed the k-th largest negative score [M], a number.

    As in the Open Graph Benchmark (arXiv:2005.00687): a positive that only equals it is no hit; with fewer
    than k negatives every positive is one. Without a positive it is NaN.

    Raises:
        ValueError: k below 1, scores that are NaN or infinite.

    >>> import torch
    >>> hits_at(1, torch.tensor([0.9, 0.2]), torch.tensor([0.5, 0.1])).item()
    0.5
    """
    if k < 1:
        raise ValueError(f"k={k} must be at least 1")
    check_scores(torch.cat([positive, negative]))
    if negative.numel() < k:
        return (positive == positive).float().mean()
    return (positive > negative.topk(k).values[-1]).float().mean()


def mean_reciprocal_rank(score: Tensor, y: Tensor, group: Tensor) -> Tensor:
    """Mean of 1 / rank of every positive among the negatives of its group, a number.

    The rank is 1 + the negatives above it + half of those equal to it (OGB's: the mean of the optimistic and
    the pessimistic one). Groups without a positive do not count. Shape: score, y, group [B]; group from 0 on.

    Raises:
        ValueError: scores that are NaN or infinite.

    >>> import torch
    >>> score, y = torch.tensor([0.5, 0.9, 0.1]), torch.tensor([1, 0, 0])
    >>> mean_reciprocal_rank(score, y, torch.zeros(3, dtype=torch.long)).item()
    0.5
    """
    check_scores(score)
    is_link = y > 0.5
    owner, best = group[is_link], score[is_link]
    reference = torch.full((int(group.max()) + 1,), torch.nan, dtype=score.dtype, device=score.device)
    reference[owner] = best
    against, negative = reference[group[~is_link]], score[~is_link]
    ahead = (negative > against).double() + 0.5 * (negative == against).double()
    rank = torch.ones_like(reference, dtype=torch.double).index_add(0, group[~is_link], ahead)
    return (1.0 / rank[owner]).mean()
