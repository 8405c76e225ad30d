"""What is put to the test: a layer, how to call it, and what to draw for it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["GRAPHS", "SIZE", "Held", "Inputs", "Subject"]

Inputs = tuple[Tensor, ...]
GRAPHS = torch.tensor([2, 0, 2, 4, 0, 2, 4, 4, 0, 2, 5])  # unsorted; 1 and 3 are empty, 5 has one node
SIZE = 6


def _aggregate(layer: nn.Module, inputs: Inputs, index: Tensor, dim_size: int) -> Tensor:
    return layer(inputs[0], index, dim_size=dim_size)


@dataclass(frozen=True)
class Subject:
    """A layer and how to call it.

    Args:
        layer: the layer; assertions work on copies of it, in evaluation mode.
        channels: width of the node features, where ``sample`` is not given.
        sample: n nodes at random: a tuple of tensors whose first dimension is the node.
        call: (layer, inputs, index, dim_size) -> [B, ...]; by default that of a PyG Aggregation.
        aggregation: whether the layer is a PyG Aggregation; else ``ptr``, leading dimensions and its
            conventions are not asked for.
        size: what becomes of a row when every node is there k times: ``"mean"`` it stays, ``"sum"`` it is
            multiplied by k, a function k -> factor, or None: not asked for.
        empty: the entries of an empty graph's row.
        scale: the size of an extreme input.
        tolerance: relative and absolute tolerance in float64.
    """

    layer: nn.Module
    channels: int = 8
    sample: Callable[[int], Inputs] | None = None
    call: Callable[[nn.Module, Inputs, Tensor, int], Tensor] = _aggregate
    aggregation: bool = True
    size: Literal["mean", "sum"] | Callable[[int], float] | None = None
    empty: float = 0.0
    scale: float = 1e4
    tolerance: float = 1e-8

    def inputs(self, n: int, dtype: torch.dtype = torch.float64) -> Inputs:
        drawn = (torch.randn(n, self.channels),) if self.sample is None else self.sample(n)
        return tuple(v.to(dtype) for v in drawn)

    def copy(self, dtype: torch.dtype = torch.float64) -> nn.Module:
        return copy.deepcopy(self.layer).eval().to(dtype)

    def close(self, actual: Tensor, expected: Tensor, what: str) -> None:
        torch.testing.assert_close(
            actual, expected, rtol=self.tolerance, atol=self.tolerance, msg=lambda m: f"{what}: {m}"
        )


class Held(nn.Module):
    """A subject's call with its dim_size as a module, which compilers and functional calls want."""

    def __init__(self, layer: nn.Module, subject: Subject) -> None:
        super().__init__()
        self.layer, self.call = layer, subject.call

    def forward(self, inputs: Inputs, index: Tensor) -> Tensor:
        """The layer's rows."""
        return self.call(self.layer, inputs, index, SIZE)
