"""PowerMean against a loop over graphs and its limits."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

import gpool

graphs = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty


def oracle(x: Tensor, p: Tensor, index: Tensor, size: int, eps: float) -> Tensor:
    rows = [torch.zeros_like(x[0])] * size
    for g in set(index.tolist()):
        entries = x[index == g].clamp(min=eps)
        rows[g] = (entries**p).mean(0) ** (1 / p)
    return torch.stack(rows)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("param", ["softplus", "inverse"])
def test_equals_the_loop_in_value_and_gradient(groups: int, param: str) -> None:
    x = (torch.rand(8, 4, dtype=torch.float64) - 0.2).requires_grad_()
    layer = gpool.PowerMean(4, groups=groups, param=param, eps=0.05).double()
    torch.nn.init.uniform_(layer.raw_p, 0.3, 1.5)
    p = layer.exponents().repeat_interleave(4 // groups)
    weight = torch.rand(5, 4, dtype=torch.float64)
    y, expected = layer(x, graphs, dim_size=5), oracle(x, p, graphs, 5, 0.05)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-12)
    for a, b in zip(
        *(
            torch.autograd.grad((v * weight).sum(), (x, layer.raw_p), retain_graph=True)
            for v in (y, expected)
        ),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("value", [10.0, 0.01, 1e20, 1e-5])
@pytest.mark.parametrize("p", [1.0, 3.0, 60.0])
def test_a_constant_is_its_own_mean(value: float, p: float) -> None:
    y = gpool.PowerMean(2, p=p)(torch.full((7, 2), value), torch.zeros(7, dtype=torch.long), dim_size=1)
    torch.testing.assert_close(y, torch.full((1, 2), value), rtol=1e-6, atol=0)


def test_limits_and_monotony() -> None:
    x = torch.rand(30, 3, dtype=torch.float64) + 0.1
    index = torch.arange(30) % 3
    mean = torch.stack([x[index == g].mean(0) for g in range(3)])
    top = torch.stack([x[index == g].max(0).values for g in range(3)])
    rows = [gpool.PowerMean(3, p=p, learn=False)(x, index, dim_size=3) for p in (1.0, 2.0, 5.0, 50.0, 1e4)]
    torch.testing.assert_close(rows[0], mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(rows[-1], top, rtol=1e-3, atol=0)
    assert all((low <= high).all() for low, high in pairwise(rows))
    torch.testing.assert_close(
        gpool.PowerMean(3, learn=False)(2 * x, index, dim_size=3),
        2 * gpool.PowerMean(3, learn=False)(x, index, dim_size=3),
        rtol=1e-12,
        atol=0,
    )


def test_shift_follows_translations_of_either_sign() -> None:
    x, layer = torch.randn(8, 3, dtype=torch.float64), gpool.PowerMean(3, negative="shift", learn=False)
    y = layer(x, graphs, dim_size=5)
    torch.testing.assert_close(
        layer(x - 7, graphs, dim_size=5)[[0, 2, 4]], y[[0, 2, 4]] - 7, rtol=1e-9, atol=1e-9
    )
    low = torch.stack([x[graphs == g].min(0).values if (graphs == g).any() else x[0] * 0 for g in range(5)])
    expected = oracle(x - low[graphs] + 1e-6, torch.tensor(3.0, dtype=x.dtype), graphs, 5, 0.0) + low
    torch.testing.assert_close(y, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": 6, "groups": 4}, "groups=4 must divide channels=6"),
        ({"groups": 2}, "groups=2"),
        ({"p": 0.0}, "p=0.0"),
        ({"param": "log"}, "param="),
        ({"eps": 0.0}, "eps=0.0"),
        ({"negative": "abs"}, "negative="),
        ({"p": -1.0, "learn": False}, "p=-1.0"),
    ],
)
def test_bad_options_are_refused_by_name(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gpool.PowerMean(**{"channels": None, **options})


def test_bad_width_is_refused() -> None:
    with pytest.raises(ValueError, match="channels=4"):
        gpool.PowerMean(4)(torch.rand(3, 5), torch.zeros(3, dtype=torch.long), dim_size=1)


def test_shift_gives_the_minimum_its_gradient_on_large_graphs() -> None:
    x = torch.randn(20_000, 1, requires_grad=True)
    (grad,) = torch.autograd.grad(gpool.PowerMean(1, p=1.0, negative="shift")(x).sum(), x)
    assert grad[x.argmin()].item() == pytest.approx(1 / 20_000, rel=1e-2)


def test_shift_works_in_float32_on_half_types() -> None:
    x = (torch.randn(5000, 1) + 100).bfloat16()
    layer = gpool.PowerMean(1, p=1.0, negative="shift", learn=False)
    assert torch.equal(layer(x), layer(x.float()).bfloat16())


def test_negative_entries_can_be_refused() -> None:
    layer = gpool.PowerMean(2, negative="error")
    x = torch.rand(4, 2)
    assert torch.equal(layer(x), gpool.PowerMean(2)(x))
    with pytest.raises(ValueError, match="negative='clamp' or negative='shift'"):
        layer(x - 1)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 1.0, 3.0])
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
def test_the_gradient_of_a_shifted_minimum_keeps_its_digits(p: float, scale: float) -> None:
    """Against the derivative by hand: what a minimum gives to the others it takes from itself, in float64."""
    x = (torch.tensor([[-1.0], [2.0], [3.0], [0.25]], dtype=torch.float64) * scale).round()
    low, eps = x.min(), 1e-6
    m = x - low + eps
    mean = m.pow(p).mean() ** (1 / p)
    weight = (m / mean).pow(p - 1) / len(x)
    expected = torch.where(x == low, 1 - weight[x > low].sum(), weight)
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-9)):
        v = x.to(dtype).requires_grad_()
        gpool.PowerMean(None, p=p, learn=False, negative="shift", eps=eps)(v).sum().backward()
        torch.testing.assert_close(v.grad.double(), expected, rtol=tolerance, atol=tolerance)


def test_the_reported_gradient() -> None:
    x = torch.tensor([[-1e6], [2e6], [3e6]], requires_grad=True)
    gpool.PowerMean(None, p=0.5, learn=False, negative="shift")(x).sum().backward()
    assert x.grad[0].item() == pytest.approx(0.5532526, abs=1e-6)
