"""GeneralizedSum against its definition one graph at a time, the published iteration, and its limits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import gpool
from gpool.testing import assert_readout

GRAPHS = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty


def transport(cost: Tensor, keep: float, sharpness: float) -> Tensor:
    """Weights of one graph by the fixed point of its optimal transport: cost [n, M] -> [n]."""
    n, s = len(cost), (-sharpness * cost).exp().sum(1)
    t = torch.ones((), dtype=cost.dtype)
    for _ in range(3000):
        t = keep / ((1 / n) / (1 + t * s) * s).sum()
    return (1 - 1 / (1 + t * s)) / keep  # (1 - n rho) / mu with rho = (1 / n) / (1 + t s)


def oracle(layer: gpool.GeneralizedSum, x: Tensor, index: Tensor, size: int) -> Tensor:
    rows = []
    for g in range(size):
        f = layer.embed(x[index == g])
        if len(f) == 0:
            rows.append(x.new_zeros(layer.out_channels))
            continue
        unit, omega = (v / v.norm(dim=1, keepdim=True) for v in (f, layer.prototypes))
        cost = (unit.unsqueeze(1) - omega).square().sum(-1)
        rows.append((transport(cost, layer.keep, layer.sharpness).unsqueeze(1) * f).mean(0))
    return torch.stack(rows)


@pytest.mark.parametrize("keep", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("out_channels", [None, 5])
def test_equals_the_transport_in_value_and_gradient(keep: float, out_channels: int | None) -> None:
    layer = gpool.GeneralizedSum(3, out_channels=out_channels, prototypes=4, keep=keep).double()
    x = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    y, expected = layer(x, GRAPHS, dim_size=5), oracle(layer, x, GRAPHS, 5)
    torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-11)
    weight, wanted = torch.randn_like(y), (x, *layer.parameters())
    grads = [torch.autograd.grad((v * weight).sum(), wanted) for v in (y, expected)]
    torch.testing.assert_close(*grads, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("keep", [0.3, 1.0])
def test_holds_to_the_contract(keep: float) -> None:
    assert_readout(gpool.GeneralizedSum(4, prototypes=3, keep=keep), channels=4, size="mean")
    assert_readout(gpool.GeneralizedSum(4, out_channels=6, prototypes=3, keep=keep), channels=4)


def test_second_derivatives() -> None:
    layer = gpool.GeneralizedSum(2, prototypes=2, keep=0.4).double()
    x = torch.randn(8, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: layer(x, GRAPHS, dim_size=5), (x,))


def test_weights_are_a_budget() -> None:
    x, index = torch.randn(2, 900, 6), torch.arange(900) % 3
    weight = gpool.GeneralizedSum(6, keep=0.25, sharpness=20.0).weights(x, index, dim_size=3)
    assert weight.shape == (2, 900)
    assert bool(((weight >= 0) & (weight <= 4)).all())
    assert weight.max() > 3.5
    for g in range(3):
        torch.testing.assert_close(weight[:, index == g].mean(1), torch.ones(2), rtol=0, atol=1e-5)


def mean_of_f(layer: gpool.GeneralizedSum, x: Tensor, index: Tensor) -> Tensor:
    return torch.stack([layer.embed(x[index == g]).mean(0) for g in range(3)])


@pytest.mark.parametrize(("keep", "sharpness", "within"), [(1.0, 5.0, 1e-12), (0.3, 1e-6, 1e-5)])
def test_keeping_all_and_no_sharpness_give_the_mean(keep: float, sharpness: float, within: float) -> None:
    layer = gpool.GeneralizedSum(4, keep=keep, sharpness=sharpness).double()
    x, index = torch.randn(30, 4, dtype=torch.float64), torch.arange(30) % 3
    expected = mean_of_f(layer, x, index)
    torch.testing.assert_close(layer(x, index, dim_size=3), expected, rtol=0, atol=within)


def test_equal_nodes_give_their_embedding() -> None:
    layer, x = gpool.GeneralizedSum(4).double(), torch.randn(3, 4, dtype=torch.float64)
    index = torch.arange(30) % 3
    torch.testing.assert_close(layer(x[index], index, dim_size=3), layer.embed(x), rtol=1e-11, atol=1e-12)


def test_great_sharpness_selects_the_nearest_nodes() -> None:
    layer = gpool.GeneralizedSum(4, prototypes=1, keep=0.3, sharpness=1e6).double()
    x = torch.randn(20, 4, dtype=torch.float64)
    near = torch.nn.functional.cosine_similarity(layer.embed(x), layer.prototypes).argsort(descending=True)
    expected = torch.zeros(20, dtype=torch.float64)
    expected[near[:6]] = 1 / 0.3
    torch.testing.assert_close(layer.weights(x), expected, rtol=0, atol=1e-6)


def test_one_node_has_the_weight_one() -> None:
    layer, x = gpool.GeneralizedSum(4, keep=0.2).double(), torch.randn(1, 4, dtype=torch.float64)
    torch.testing.assert_close(layer.weights(x), torch.ones(1, dtype=torch.float64))
    torch.testing.assert_close(layer(x), layer.embed(x))


def test_rows_lie_between_the_extremes_of_the_embedding() -> None:
    layer = gpool.GeneralizedSum(4, keep=0.1, sharpness=20.0).double()
    x, index = torch.randn(30, 4, dtype=torch.float64), torch.arange(30) % 3
    y, f = layer(x, index, dim_size=3), layer.embed(x)
    for g in range(3):
        low, high = f[g == index].min(0).values, f[g == index].max(0).values
        assert bool(((low <= y[g]) & (y[g] <= high)).all())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"keep": 0.0}, "keep=0.0"),
        ({"keep": 1.5}, "keep=1.5"),
        ({"sharpness": 0.0}, "sharpness=0.0"),
        ({"prototypes": 0}, "prototypes=0"),
        ({"channels": 0}, "channels=0"),
    ],
)
def test_bad_options_are_refused_by_name(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gpool.GeneralizedSum(**{"channels": 4, **options})


def test_bad_input_is_refused_by_name() -> None:
    layer, index = gpool.GeneralizedSum(4), torch.zeros(3, dtype=torch.long)
    with pytest.raises(ValueError, match="channels=4"):
        layer(torch.rand(3, 5), index, dim_size=1)
    with pytest.raises(TypeError, match=r"x is torch.float64; it must be torch.float32"):
        layer(torch.rand(3, 4).double(), index, dim_size=1)
