"""The budget gate against a loop over segments, its limits, and its gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gpool.ops.partition import budget_gate
from gpool.ops.segment import segment_mean

INDEX = torch.tensor([2, 0, 2, 4, 0, 2, 4, 4, 0, 2, 5])  # unsorted; 1 and 3 are empty, 5 has one entry


def loop(score: list[float], keep: float) -> list[float]:
    """One segment, by bisection in plain numbers."""
    low, high = -100.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        mean = sum(1 / (1 + math.exp(-a - middle)) for a in score) / len(score)
        low, high = (middle, high) if mean < keep else (low, middle)
    return [1 / (1 + math.exp(-a - middle)) for a in score]


@pytest.mark.parametrize("keep", [0.05, 0.3, 0.7, 0.99])
def test_equals_the_loop(keep: float) -> None:
    score = 5 * torch.randn(11, 3, dtype=torch.float64)
    gate = budget_gate(score, INDEX, dim_size=6, keep=keep)
    for g in (0, 2, 4, 5):
        for channel in range(3):
            expected = loop(score[g == INDEX, channel].tolist(), keep)
            torch.testing.assert_close(gate[g == INDEX, channel].tolist(), expected, rtol=1e-12, atol=1e-13)


def test_gradient_is_that_of_the_implicit_function() -> None:
    """(dg/da)_ij = s_i (1[i=j] - s_j / sum s), one segment at a time."""
    score = torch.randn(11, dtype=torch.float64, requires_grad=True)
    gate, arrives = budget_gate(score, INDEX, dim_size=6, keep=0.4), torch.randn(11, dtype=torch.float64)
    (found,) = torch.autograd.grad(gate @ arrives, score)
    for g in (0, 2, 4, 5):
        slope = (gate * (1 - gate)).detach()[g == INDEX]
        jacobian = torch.diag(slope) - torch.outer(slope, slope) / slope.sum()
        torch.testing.assert_close(found[g == INDEX], jacobian @ arrives[g == INDEX], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("keep", [0.3, torch.tensor([0.5, 0.1, 0.2, 0.9, 1.0, 0.6])])
def test_first_and_second_derivatives(keep: float | Tensor) -> None:
    score = torch.randn(11, 2, dtype=torch.float64, requires_grad=True)

    def call(score: Tensor) -> Tensor:
        return budget_gate(score, INDEX, dim_size=6, keep=keep)

    assert torch.autograd.gradcheck(call, (score,))
    assert torch.autograd.gradgradcheck(call, (score,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_means_are_kept(dtype: torch.dtype, scale: float) -> None:
    index, keep = torch.arange(4000) % 7, torch.tensor([0.01, 0.2, 0.3, 0.5, 0.7, 0.99, 1.0], dtype=dtype)
    gate = budget_gate(scale * torch.randn(4000, dtype=dtype), index, dim_size=7, keep=keep)
    assert bool(((gate >= 0) & (gate <= 1)).all())
    within = 2e-6 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(segment_mean(gate, index, dim_size=7), keep, rtol=0, atol=within)


@pytest.mark.parametrize("scale", [1e2, 1e4, 1e6])
def test_means_are_kept_by_scores_whose_bias_has_few_digits(scale: float) -> None:
    """Two clusters far apart: the upper one is full, the lower one gets an eighth of what is left."""
    score = torch.cat([torch.full((200,), scale), torch.randn(800) - scale])
    gate = budget_gate(score, keep=0.3)
    assert float(gate.double().mean()) == pytest.approx(0.3, abs=2e-6)
    assert bool((gate[:200] == 1).all())


def test_constants_do_not_matter_and_equal_scores_give_the_share() -> None:
    score = torch.randn(11, dtype=torch.float64)
    gate = budget_gate(score, INDEX, dim_size=6)
    moved = score + torch.tensor([3.0, 0, -50.0, 0, 7.0, 100.0], dtype=torch.float64)[INDEX]
    torch.testing.assert_close(budget_gate(moved, INDEX, dim_size=6), gate, rtol=1e-11, atol=1e-12)
    equal = budget_gate(torch.full((11,), -4.0), INDEX, dim_size=6)
    torch.testing.assert_close(equal, torch.full((11,), 0.3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_far_apart_select(dtype: torch.dtype) -> None:
    score = torch.randperm(20).to(dtype) * 1e4
    score.requires_grad_()
    gate = budget_gate(score, keep=0.3)
    torch.testing.assert_close(gate, (score >= 14e4).to(dtype), rtol=0, atol=1e-9)
    (grad,) = torch.autograd.grad(gate @ torch.randn(20, dtype=dtype), score)
    assert bool((grad == 0).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_solved_in_float32(dtype: torch.dtype) -> None:
    score, index = torch.randn(6000).to(dtype), torch.arange(6000) % 2
    gate = budget_gate(score, index, dim_size=2)
    assert gate.dtype == dtype
    torch.testing.assert_close(gate, budget_gate(score.float(), index, dim_size=2).to(dtype), rtol=0, atol=0)


def test_any_dimension_and_ptr() -> None:
    score, index = torch.randn(2, 11, 3, dtype=torch.float64), INDEX.sort().values
    gate = budget_gate(score, index, dim_size=6, dim=1)
    for a in range(2):
        for b in range(3):
            one = budget_gate(score[a, :, b], index, dim_size=6)
            torch.testing.assert_close(gate[a, :, b], one, rtol=1e-12, atol=1e-13)
    ptr = torch.cat([index.new_zeros(1), torch.bincount(index, minlength=6).cumsum(0)])
    assert torch.equal(budget_gate(score, ptr=ptr, dim=1), gate)
    assert budget_gate(score[0, :0], INDEX[:0], dim_size=3).shape == (0, 3)


def test_compiled_values_and_gradients() -> None:
    torch.compiler.reset()
    compiled = torch.compile(budget_gate, backend="aot_eager", fullgraph=True, dynamic=True)
    keep = torch.tensor([0.5, 0.1, 0.2, 0.9, 1.0, 0.6])
    for times in (1, 3):
        score, index = torch.randn(11 * times, requires_grad=True), INDEX.repeat(times)
        found, expected = (f(score, index, dim_size=6, keep=keep) for f in (compiled, budget_gate))
        torch.testing.assert_close(found, expected)
        weight = torch.randn(11 * times)
        grads = [torch.autograd.grad(v @ weight, score)[0] for v in (found, expected)]
        torch.testing.assert_close(*grads)


@pytest.mark.parametrize("keep", [0.0, 1.1, -0.5, float("nan")])
def test_a_share_out_of_range_is_refused(keep: float) -> None:
    with pytest.raises(ValueError, match=rf"keep={keep} must lie in \(0, 1\]"):
        budget_gate(torch.randn(11), INDEX, dim_size=6, keep=keep)


def test_other_errors() -> None:
    with pytest.raises(ValueError, match=r"keep of shape \(5,\) must be a number or one for each of 6"):
        budget_gate(torch.randn(11), INDEX, dim_size=6, keep=torch.full((5,), 0.5))
    with pytest.raises(IndexError, match="index runs from 0 to 5"):
        budget_gate(torch.randn(11), INDEX, dim_size=5)
    with pytest.raises(TypeError, match=r"score is torch.int64"):
        budget_gate(INDEX, INDEX, dim_size=6)
