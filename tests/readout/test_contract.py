"""Every readout has every property of gpool.testing, and PyG's conventions for learnable aggregations."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch_geometric.nn import MessagePassing, MultiAggregation, SAGEConv
from torch_geometric.nn.resolver import aggregation_resolver

import gpool
from gpool.testing import assert_readout

LEARNABLE = [gpool.GNP, gpool.PowerMean, gpool.LogMeanExp, gpool.ExponentialAdaptive]


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (gpool.GNP(4, p=1.3, q=0.2), {"size": lambda k: k ** (1 / 1.3 - 0.2), "tolerance": 1e-5}),
        (gpool.GNP(None, p=2.0, q=0.5, learn=False), {"size": "mean"}),
        (gpool.GNP(4, branch="-", param="inverse", eps=1e-3), {"size": lambda k: 1 / k, "tolerance": 1e-5}),
        (gpool.GNP(4, branch="both", negative="split"), {}),
        (gpool.GNP(None, branch="both", mix="sum", negative="relu", eps_mode="clamp"), {}),
        (gpool.GNP(4, branch="both", mix="concat"), {}),
        (gpool.PowerMean(4, groups=2), {"size": "mean", "tolerance": 1e-6}),
        (gpool.PowerMean(None, param="inverse", negative="shift"), {"size": "mean"}),
        (gpool.PowerMean(None, p=2.0, learn=False), {"size": "mean"}),
        (gpool.ExponentialAdaptive(4), {"size": "mean"}),
        (gpool.ExponentialAdaptive(None, beta=1.0, learn=False), {"size": "mean"}),
        (gpool.LogMeanExp(4, tau=0.5), {"size": "mean"}),
        (gpool.LogMeanExp(None, learn=False, normalize=False), {}),
    ],
    ids=lambda v: type(v).__name__,
)
def test_holds_to_the_contract(layer, options) -> None:
    assert_readout(layer, channels=4, **options)


@pytest.mark.parametrize("readout", LEARNABLE)
@pytest.mark.parametrize("learn", [True, False])
def test_pyg_learnable_convention(readout, learn: bool) -> None:
    x, index, ptr = torch.randn(6, 16), torch.tensor([0, 0, 1, 1, 1, 2]), torch.tensor([0, 2, 5, 6])
    layer = readout(None, learn=learn)
    assert str(layer) == f"{readout.__name__}(learn={learn})"
    y = layer(x, index)
    assert y.size() == (3, 16)
    torch.testing.assert_close(y, layer(x, ptr=ptr))
    if learn:
        y.mean().backward()
        assert all(v.grad is not None and not v.grad.isnan().any() for v in layer.parameters())
    else:
        assert list(layer.parameters()) == []


@pytest.mark.parametrize("readout", LEARNABLE)
def test_pyg_learnable_channels_convention(readout) -> None:
    x, index, ptr = torch.randn(6, 16), torch.tensor([0, 0, 1, 1, 1, 2]), torch.tensor([0, 2, 5, 6])
    layer = readout(16, learn=True)
    assert str(layer) == f"{readout.__name__}(learn=True)"
    y = layer(x, index)
    assert y.size() == (3, 16)
    torch.testing.assert_close(y, layer(x, ptr=ptr))
    y.mean().backward()
    assert all(not v.grad.isnan().any() for v in layer.parameters())


@pytest.mark.parametrize("readout", LEARNABLE)
def test_pyg_validation_reaches_the_user(readout) -> None:
    layer, x = readout(None), torch.randn(6, 16)
    with pytest.raises(ValueError, match="invalid dimension"):
        layer(x, torch.zeros(6, dtype=torch.long), dim=-3)
    with pytest.raises(ValueError, match="dim_size"):
        layer(x, ptr=torch.tensor([0, 2, 5, 6]), dim_size=2)
    with pytest.raises(ValueError, match="dim_size"):
        layer(x, torch.tensor([0, 0, 1, 1, 1, 2]), dim_size=2)


@pytest.mark.parametrize("readout", LEARNABLE)
def test_aggregates_messages(readout) -> None:
    x, edge_index = torch.rand(4, 8), torch.tensor([[0, 1, 2, 3, 0], [1, 0, 1, 1, 2]])
    conv = SAGEConv(8, 8, aggr=readout(None))
    y = conv(x, edge_index)
    expected = conv.lin_l(readout(None)(x[edge_index[0]], edge_index[1], dim_size=4)) + conv.lin_r(x)
    torch.testing.assert_close(y, expected)
    assert MultiAggregation([readout(None), "mean"])(x, torch.tensor([0, 0, 1, 1])).size() == (2, 16)


def test_register_is_explicit_and_repeatable() -> None:
    code = """
import gpool, torch_geometric.nn as nn
from torch_geometric.nn.resolver import aggregation_resolver
try:
    aggregation_resolver("gnp")
except ValueError:
    print("unknown")
gpool.register(); gpool.register()
print(aggregation_resolver("gnp", channels=None, p=2.0))
print(nn.SAGEConv(8, 8, "gnp", aggr_kwargs={"channels": 8}).aggr_module)
print(type(aggregation_resolver("powermean")).__name__)
print(aggregation_resolver("logmeanexp", channels=8))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [
        "unknown",
        *["GNP(learn=True)"] * 2,
        "PowerMeanAggregation",
        "LogMeanExp(learn=True)",
    ]


def test_registered_names_train_in_a_message_passing_layer() -> None:
    gpool.register()
    assert isinstance(aggregation_resolver("GNP", channels=8), gpool.GNP)
    layer = MessagePassing(aggr="gnp", aggr_kwargs={"channels": 8})
    assert isinstance(layer.aggr_module, gpool.GNP)
