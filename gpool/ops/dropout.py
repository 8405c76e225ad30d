"""Dropout by random bytes, which take a fifth of the time of torch's Bernoulli draws on a CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpool.ops.masks import positions
from gpool.ops.transforms import transformed

__all__ = ["Dropout", "dropout"]


def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Each entry zero with the probability ``p``, independently, the others divided by 1 - p.

    As :func:`torch.nn.functional.dropout`, from the same generator but with other draws. Every entry has a
    byte of its own, uniform in 0 .. 255. It is dropped below t = floor(256 p), kept above, and at t exactly,
    one time in 256, a double decides with what is left, 256 p - t. So the probability is ``p`` and not ``p``
    rounded to 1 / 256. On other devices, in traces and in transforms it is torch's own.

    Raises:
        ValueError: p outside [0, 1].

    >>> dropout(torch.ones(4), 0.5, training=False)
    tensor([1., 1., 1., 1.])
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"p={p} must be in [0, 1]")
    if not training or p == 0.0:
        return x
    if p == 1.0 or x.device.type != "cpu" or torch.compiler.is_compiling() or transformed(x):
        return F.dropout(x, p)
    words = torch.empty(-(-x.numel() // 8), dtype=torch.long).random_(-(2**63), None)
    draw = words.view(torch.uint8)[: x.numel()]
    below = int(256 * p)
    kept, left = draw >= below, 256 * p - below
    if left > 0.0:
        even = positions(draw == below)
        kept[even] = torch.rand(even.numel(), dtype=torch.double) >= left
    return x * kept.view(x.shape).to(x.dtype).mul_(1 / (1 - p))


class Dropout(nn.Dropout):
    """:func:`dropout` as a module; ``inplace`` is not heeded."""

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training)
