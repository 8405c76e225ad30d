"""The mean over an epoch is that of all graphs, and begins anew."""

from __future__ import annotations

import torch

from gpool.training.running_mean import RunningMean


def test_the_mean_is_weighted_by_the_sizes_and_begins_anew() -> None:
    mean = RunningMean()
    assert mean.take() == {}
    values = torch.tensor([1.0, 2.0, 6.0], requires_grad=True)
    for value, size in zip(values.split(1), (2, 2, 1), strict=True):
        mean.update(value.squeeze(), size)
    taken = mean.take()["loss"]
    assert not taken.requires_grad
    torch.testing.assert_close(taken, torch.tensor((2 * 1 + 2 * 2 + 6) / 5))
    assert mean.take() == {}
