"""LogMeanExp against a loop over graphs and its limits."""

from __future__ import annotations

import pytest
import torch

import gpool

graphs = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("channels", [None, 3])
def test_equals_the_loop_in_value_and_gradient(normalize: bool, channels: int | None) -> None:
    x = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    layer = gpool.LogMeanExp(channels, tau=0.7, normalize=normalize).double()
    tau = layer.temperature()
    rows = [x[0] * 0] * 5
    for g in (0, 2, 4):
        power = (x[graphs == g] / tau).exp()
        rows[g] = tau * (power.mean(0) if normalize else power.sum(0)).log()
    y, expected = layer(x, graphs, dim_size=5), torch.stack(rows)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-12)
    weight = torch.rand(5, 3, dtype=torch.float64)
    for a, b in zip(
        *(
            torch.autograd.grad((v * weight).sum(), (x, layer.raw_tau), retain_graph=True)
            for v in (y, expected)
        ),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


def test_limits_bounds_and_translation() -> None:
    x, index = torch.randn(30, 3, dtype=torch.float64), torch.arange(30) % 3
    mean = torch.stack([x[index == g].mean(0) for g in range(3)])
    top = torch.stack([x[index == g].max(0).values for g in range(3)])
    before = top
    for tau in (0.01, 0.1, 1.0, 10.0, 1e4):
        y = gpool.LogMeanExp(None, tau=tau, learn=False)(x, index, dim_size=3)
        assert (mean <= y).all()
        assert (y <= before).all()  # falls from the maximum to the mean
        before = y
    torch.testing.assert_close(y, mean, rtol=0, atol=1e-3)
    y, moved = (gpool.LogMeanExp(None, learn=False)(v, index, dim_size=3) for v in (x, x + 5))
    torch.testing.assert_close(moved, y + 5, rtol=1e-12, atol=1e-12)


def test_does_not_overflow_where_the_exponentials_would() -> None:
    y = gpool.LogMeanExp(None, tau=0.1)(
        torch.tensor([[9.0], [9.0], [-1e4]]), torch.zeros(3, dtype=torch.long), dim_size=1
    )
    assert y.item() == pytest.approx(9.0 - 0.1 * torch.tensor(1.5).log().item(), rel=1e-6)


def test_the_temperature_keeps_its_bound() -> None:
    layer = gpool.LogMeanExp(None, tau_min=0.05)
    torch.nn.init.constant_(layer.raw_tau, -100.0)
    assert layer.temperature().item() == pytest.approx(0.05)
    assert [id(v) for v in layer.exponent_parameters()] == [id(layer.raw_tau)]


@pytest.mark.parametrize(
    ("options", "words"), [({"tau": 0.001}, "tau=0.001"), ({"channels": 0}, "channels=0")]
)
def test_bad_options_are_refused_by_name(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gpool.LogMeanExp(**{"channels": None, **options})


def test_bad_width_is_refused() -> None:
    with pytest.raises(ValueError, match="channels=4"):
        gpool.LogMeanExp(4)(torch.rand(3, 5), torch.zeros(3, dtype=torch.long), dim_size=1)
