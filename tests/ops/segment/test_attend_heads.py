"""Attention with heads, and as a power mean, against a loop over segments and heads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gpool.ops.segment import resolve, segment_attend, segment_power_attend, segment_score
from gpool.ops.segment.attend import read_by_products

INDEX = torch.tensor([3, 0, 3, 1, 0, 0, 3])


def drawn() -> tuple[Tensor, Tensor]:
    score, value = torch.randn(7, 2, 3, dtype=torch.float64), torch.randn(7, 6, dtype=torch.float64)
    return score.requires_grad_(), value.requires_grad_()


def by_head(score: Tensor, value: Tensor, one: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """One head after another, each with its two columns."""
    parts = [one(score[..., h], value[:, 2 * h : 2 * h + 2]) for h in range(3)]
    return torch.cat(parts, dim=-1)


def test_heads_weight_columns_of_their_own() -> None:
    score, value = drawn()
    expected = by_head(score, value, lambda s, v: segment_attend(s, v, INDEX, dim_size=5))
    torch.testing.assert_close(segment_attend(score, value, INDEX, dim_size=5), expected)
    attend = lambda s, v: segment_attend(s, v, INDEX, dim_size=5)  # noqa: E731
    assert torch.autograd.gradcheck(attend, (score, value))
    assert torch.autograd.gradgradcheck(attend, (score, value))


def test_segments_in_order_are_read_by_products() -> None:
    """One matrix product per segment, an empty one included, gives what entries in any order give."""
    index, perm = torch.tensor([0] * 9 + [2] * 1 + [3] * 30), torch.randperm(40)
    score = torch.randn(40, 16, dtype=torch.float64, requires_grad=True)
    value = torch.randn(40, 3, dtype=torch.float64, requires_grad=True)
    assert read_by_products(resolve(index, None, 5, 40), 16)
    assert not read_by_products(resolve(index[perm], None, 5, 40), 16)
    assert not read_by_products(resolve(index, None, 5, 40), 2)
    y = segment_attend(score, value, index, dim_size=5)
    expected = segment_attend(score[perm], value[perm], index[perm], dim_size=5)
    torch.testing.assert_close(y, expected)
    upstream = torch.randn_like(y)
    got, want = (torch.autograd.grad((v * upstream).sum(), (score, value)) for v in (y, expected))
    torch.testing.assert_close(got, want)
    attend = lambda s, v: segment_attend(s, v, index, dim_size=5)  # noqa: E731
    assert torch.autograd.gradgradcheck(attend, (score, value), fast_mode=True)


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_power_mean_of_what_is_above_the_minimum(power: float) -> None:
    score, value = drawn()
    y, eps = segment_power_attend(score, value, power, INDEX, dim_size=5, eps=0.1), 0.1
    for s in range(5):
        v = value[s == INDEX]
        if v.numel() == 0:
            assert torch.equal(y[s], torch.zeros(2, 6).double())
            continue
        weight = score[s == INDEX].softmax(0).repeat_interleave(2, -1)  # [n, K, D]
        above = (v - v.min() + eps).unsqueeze(1)
        torch.testing.assert_close(y[s], (weight * above**power).sum(0) ** (1 / power) + v.min() - eps)
    attend = lambda s, v: segment_power_attend(s, v, power, INDEX, dim_size=5, eps=0.1)  # noqa: E731
    assert torch.autograd.gradcheck(attend, (score, value))


def test_power_mean_survives_weights_and_powers_that_vanish() -> None:
    score = torch.tensor([[0.0], [1e8], [1e8], [-1e8]], requires_grad=True)
    value = torch.tensor([[0.0, 9.0], [1.0, 1e4], [3.0, 0.0], [-2e4, 7.0]], requires_grad=True)
    y = segment_power_attend(score, value, 12.0)
    low, above = -2e4, torch.tensor([[2e4 + 1, 3e4], [2e4 + 3, 2e4]], dtype=torch.float64)
    mean = above.pow(12).mean(0) ** (1 / 12) + low  # the two scores that tie have all the weight
    torch.testing.assert_close(y[0, 0].double(), mean, rtol=0, atol=0.1)
    y.sum().backward()
    assert score.grad is not None
    assert value.grad is not None
    assert score.grad.isfinite().all()
    assert value.grad.isfinite().all()


def test_mistakes_are_named() -> None:
    value = torch.rand(7, 6)
    for wrong in (torch.rand(7, 2, 4), torch.rand(6, 2, 3), torch.rand(7, 1, 1, 1)):
        with pytest.raises(ValueError, match="score"):
            segment_attend(wrong, value, INDEX, dim_size=5)
        with pytest.raises(ValueError, match="score"):
            segment_power_attend(wrong, value, 2.0, INDEX, dim_size=5)
    with pytest.raises(ValueError, match=r"power=0.0"):
        segment_power_attend(torch.rand(7, 2), value, 0.0, INDEX, dim_size=5)
    with pytest.raises(ValueError, match="query"):
        segment_score(torch.rand(4, 2, 6), value, INDEX, dim_size=5)
