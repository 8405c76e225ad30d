"""ExponentialAdaptive against a loop over graphs, its limits and its bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.nn.aggr import SoftmaxAggregation

import gpool

GRAPHS = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty


def fixed(beta: float) -> gpool.ExponentialAdaptive:
    return gpool.ExponentialAdaptive(None, beta=beta, learn=False)


@pytest.mark.parametrize("eps", [1e-7, 0.3])
def test_equals_the_loop_in_value_and_gradient(eps: float) -> None:
    x = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    layer = gpool.ExponentialAdaptive(3, eps=eps).double()
    torch.nn.init.normal_(layer.raw_beta)
    rows = []
    for g in range(5):
        v, beta = x[g == GRAPHS], 1 / (1 + (-layer.raw_beta).exp())
        m = v.mean(0)
        s = (2 * v * m / (v**2 + m**2 + eps)).exp()
        weight = beta * s / s.sum(0) + (1 - beta) * v.exp() / v.exp().sum(0)
        rows.append((weight * v).sum(0) if len(v) else x[0] * 0)
    y, expected = layer(x, GRAPHS, dim_size=5), torch.stack(rows)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-12)
    upstream = torch.randn_like(expected)
    got, want = (torch.autograd.grad((v * upstream).sum(), (x, layer.raw_beta)) for v in (y, expected))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_without_similarity_it_is_soft_pool() -> None:
    x = torch.randn(8, 3, dtype=torch.float64)
    expected = SoftmaxAggregation(t=1.0)(x, GRAPHS, dim_size=5)
    torch.testing.assert_close(fixed(0.0)(x, GRAPHS, dim_size=5), expected)


def test_one_node_gives_itself() -> None:
    x = torch.tensor([[-3.0, 0.0, 1e-9, 40.0]], dtype=torch.float64)
    for beta in (0.0, 0.4, 1.0):
        torch.testing.assert_close(fixed(beta)(x), x)


def test_rows_lie_between_minimum_and_maximum() -> None:
    x = 3 * torch.randn(8, 3, dtype=torch.float64)
    for beta in (0.0, 0.4, 1.0):
        y = fixed(beta)(x, GRAPHS, dim_size=5)
        for g in (0, 2, 4):
            low, high = x[g == GRAPHS].min(0).values, x[g == GRAPHS].max(0).values
            assert ((low - 1e-12 <= y[g]) & (y[g] <= high + 1e-12)).all()


@pytest.mark.parametrize("value", [-1e4, -3.0, 1e-3, 0.5, 40.0, 1e15])
@pytest.mark.parametrize("others", [1, 7, 200])
def test_no_weight_is_more_than_e_squared_times_another(value: float, others: int) -> None:
    """One node has the value and the others have 0, so that y / value is its weight."""
    x = torch.cat([torch.tensor([[value]]), torch.zeros(others, 1)]).double()
    weight = float(fixed(1.0)(x)) / value
    other = (1 - weight) / others
    assert weight > other  # it is nearer to the mean
    assert max(weight / other, other / weight) <= math.exp(2) + 1e-9


def test_similarity_alone_turns_with_the_sign() -> None:
    x = torch.randn(8, 3, dtype=torch.float64)
    y = fixed(1.0)(x, GRAPHS, dim_size=5)
    torch.testing.assert_close(fixed(1.0)(-x, GRAPHS, dim_size=5), -y)
    assert not torch.allclose(fixed(0.5)(-x, GRAPHS, dim_size=5), -fixed(0.5)(x, GRAPHS, dim_size=5))


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-3, 1e25])
def test_zeros_and_extremes_are_finite(scale: float) -> None:
    for x in (scale * torch.randn(8, 3), scale * torch.tensor([[1.0], [-1.0], [0.0]])):  # the mean may be 0
        x.requires_grad_()
        y = gpool.ExponentialAdaptive(None)(x)
        y.sum().backward()
        assert y.isfinite().all()
        assert x.grad is not None
        assert x.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"beta": 1.0}, "beta=1.0 must lie between 0 and 1"),
        ({"beta": 1.1, "learn": False}, r"beta=1.1 must lie in \[0, 1\]"),
        ({"beta": math.nan}, "beta=nan"),
        ({"eps": 0.0}, "eps=0.0"),
        ({"channels": 0}, "channels=0"),
    ],
)
def test_bad_options_are_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gpool.ExponentialAdaptive(**{"channels": None, **options})


def test_bad_width_is_refused() -> None:
    x: Tensor = torch.rand(3, 5)
    with pytest.raises(ValueError, match="channels=4"):
        gpool.ExponentialAdaptive(4)(x)
