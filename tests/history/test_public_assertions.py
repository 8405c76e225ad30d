"""The public assertions of gpool.testing, on the readouts over the history."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gpool import HistoGraph, LayerResampler, testing

LAYERS, CHANNELS = 3, 8


def call(layer: nn.Module, inputs: tuple[Tensor, ...], index: Tensor, dim_size: int) -> Tensor:
    return layer(list(inputs), index, dim_size=dim_size)


def sample(n: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(n, CHANNELS) for _ in range(LAYERS))


OPTIONS: dict[str, dict[str, Any]] = {
    "softmax": {"heads": 2, "norm": "softmax"},
    "uniform, residual, layer norm": {
        "heads": 4,
        "norm": "uniform",
        "residual": True,
        "layer_norm": True,
    },
    "no node attention": {"norm": "softmax", "node_attention": False, "mix": "learned"},
    "band": {"heads": 2, "norm": "softmax", "max_nodes": 9},
    "softmax, residual, layer norm": {
        "heads": 2,
        "norm": "softmax",
        "residual": True,
        "layer_norm": True,
    },
    "feed-forward": {"heads": 2, "norm": "softmax", "residual": True, "layer_norm": True, "feed_forward": 2},
    "zero token, learned mix": {"heads": 4, "norm": "softmax", "mix": "learned", "zero_token": True},
    "signed, tied": {"heads": 2, "tie_qk_init": True},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_histograph(options: dict[str, Any]) -> None:
    layer = HistoGraph(CHANNELS, **options)
    counts = options.get("zero_token") or "max_nodes" in options  # three times the nodes exceed the bound
    size = None if counts else "mean"
    testing.assert_readout(layer, CHANNELS, call=call, sample=sample, aggregation=False, size=size)
    testing.assert_conventions(testing.Subject(layer, CHANNELS, call=call, sample=sample, aggregation=False))


@pytest.mark.parametrize("options", [{}, {"residual": False, "feed_forward": 0, "normalize": False}])
def test_layer_resampler(options: dict[str, Any]) -> None:
    layer = LayerResampler(CHANNELS, num_layers=LAYERS, heads=2, **options)
    testing.assert_readout(layer, CHANNELS, call=call, sample=sample, aggregation=False, size="mean")
    testing.assert_conventions(testing.Subject(layer, CHANNELS, call=call, sample=sample, aggregation=False))
