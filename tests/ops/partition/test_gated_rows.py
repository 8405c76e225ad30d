"""Gated rows against picking and scaling one after the other."""

from __future__ import annotations

import pytest
import torch

from gpool.ops.partition.gated_rows import gated_rows


@pytest.mark.parametrize("count", [0, 1, 7, 3000])
def test_equals_the_two_steps_in_value_and_gradient(count: int) -> None:
    x = torch.randn(50, 64, dtype=torch.float64, requires_grad=True)
    index, gate = torch.randint(50, (count,)), torch.randn(count, dtype=torch.float64, requires_grad=True)
    y, expected = gated_rows(x, index, gate), x[index] * gate[:, None]
    assert torch.equal(y, expected)
    weight = torch.randn(count, 64, dtype=torch.float64)
    for found, wanted in zip(
        *(torch.autograd.grad((v * weight).sum(), (x, gate)) for v in (y, expected)), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_gradients_of_both_orders() -> None:
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    gate = torch.randn(4, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([4, 0, 2, 2])
    assert torch.autograd.gradcheck(lambda x, gate: gated_rows(x, index, gate), (x, gate))
    assert torch.autograd.gradgradcheck(lambda x, gate: gated_rows(x, index, gate), (x, gate))
