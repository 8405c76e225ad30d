"""Dropout by bytes: the probability, independence, gradient and seed of what is dropped."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gpool.ops.dropout import Dropout, dropout

MANY = 1 << 21


def dropped(p: float, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return dropout(torch.ones(MANY), p) == 0


@pytest.mark.parametrize("p", [0.5, 0.25, 0.1, 1 / 3, 0.9, 1 / 512, 3 / 1024, 0.999])
def test_the_probability_is_not_rounded_to_a_byte(p: float) -> None:
    """Within 5 standard deviations; 1 / 512 is between 0 and 1 / 256, 0.999 above 255 / 256."""
    found = int(dropped(p).sum())
    assert abs(found - MANY * p) < 5 * math.sqrt(MANY * p * (1 - p))


@pytest.mark.parametrize("p", [0.5, 0.1])
def test_entries_are_independent(p: float) -> None:
    """No correlation at any lag of one draw of 64 bits or between seeds, 5 standard deviations."""
    one = (dropped(p).double() - p) / math.sqrt(p * (1 - p))
    for lag in range(1, 17):
        assert abs(float((one[lag:] * one[:-lag]).mean())) < 5 / math.sqrt(MANY)
    other = (dropped(p, seed=1).double() - p) / math.sqrt(p * (1 - p))
    assert abs(float((one * other).mean())) < 5 / math.sqrt(MANY)
    every = dropped(p).view(-1, 8).double().mean(0)  # every byte of the draw alike
    assert (every - p).abs().max() < 5 * math.sqrt(p * (1 - p) / (MANY / 8))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_values_and_gradients(dtype: torch.dtype) -> None:
    x = (torch.rand(33, 7) + 1).to(dtype).requires_grad_()
    out = dropout(x, 0.25)
    assert out.dtype == dtype
    mask = (out != 0).to(dtype) * (1 / 0.75)
    assert torch.equal(out, x * mask)
    assert 0 < int((out == 0).sum()) < out.numel()
    out.sum().backward()
    assert torch.equal(x.grad, mask)
    turned = dropout(x.detach().t(), 0.5)  # strides that are not its own
    assert torch.equal(turned, x.detach().t() * (turned != 0).to(dtype) * 2)


def test_the_seed_decides() -> None:
    assert torch.equal(dropped(0.3), dropped(0.3))
    assert not torch.equal(dropped(0.3), dropped(0.3, seed=1))


def test_edges_of_the_range() -> None:
    x = torch.randn(5, 3)
    assert dropout(x, 0.0) is x
    assert dropout(x, 0.7, training=False) is x
    assert dropout(x, 1.0).abs().sum() == 0
    assert dropout(torch.zeros(0, 3), 0.3).shape == (0, 3)
    for p in (-0.1, 1.5):
        with pytest.raises(ValueError, match=rf"p={p} must be in \[0, 1\]"):
            dropout(x, p)


def test_in_traces_and_transforms() -> None:
    layer, x = Dropout(0.5), torch.ones(64, 8)
    assert isinstance(layer, nn.Dropout)
    found = torch.compile(layer, backend="aot_eager", fullgraph=True)(x)
    each = torch.func.vmap(layer, randomness="different")(x)
    for out in (found, each):
        assert set(out.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(layer.eval()(x), x)
