"""Warm-up and cosine, epoch by epoch."""

from __future__ import annotations

import math

import pytest
import torch

from gpool.training import WarmupCosine


def test_rates() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = WarmupCosine(optimizer, epochs=10, warmup=4)
    rates = []
    for _ in range(12):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert rates[5:10] == pytest.approx([1 + math.cos(math.pi * t / 6) for t in range(1, 6)])
    assert rates[10:] == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize("warmup", [-1, 5, 6])
def test_warmup_must_leave_epochs(warmup: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(ValueError, match=f"warmup={warmup}"):
        WarmupCosine(optimizer, epochs=5, warmup=warmup)
