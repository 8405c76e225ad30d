"""Ranking metrics: scores that cannot be ranked are an error, not a number."""

from __future__ import annotations

import pytest
import torch

from gpool.link import hits_at, mean_reciprocal_rank


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_scores_that_are_not_finite_are_counted(bad: float) -> None:
    positive, negative = torch.tensor([0.5, bad]), torch.tensor([0.1, bad, 0.3])
    score, y = torch.cat([positive, negative]), torch.tensor([1, 1, 0, 0, 0])
    message = r"2 of 5 scores are NaN or infinite, the first is score\[1\] = -?(nan|inf)"
    with pytest.raises(ValueError, match=message):
        hits_at(1, positive, negative)
    with pytest.raises(ValueError, match=message):
        hits_at(20, positive, negative)  # fewer negatives than k
    with pytest.raises(ValueError, match=message):
        mean_reciprocal_rank(score, y, torch.tensor([0, 1, 0, 0, 1]))
