"""Mixtures against loops over graphs: mixed, gated and tree pooling."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch_geometric.nn.aggr import Aggregation, MaxAggregation, MeanAggregation, SumAggregation

import gpool
from gpool.testing import assert_readout

GRAPHS = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty


def both() -> list[Aggregation]:
    return [MaxAggregation(), MeanAggregation()]


def tree(channels: int) -> gpool.Mixture:
    """A root over two inner nodes over four leaves, all gated."""
    left = gpool.Mixture(both(), gate="graph", channels=channels)
    right = gpool.Mixture([SumAggregation(), gpool.LogMeanExp(channels)], gate="graph", channels=channels)
    return gpool.Mixture([left, right], gate="graph", channels=channels)


def drawn(layer: gpool.Mixture) -> gpool.Mixture:
    """With weights away from zero."""
    for name, v in layer.named_parameters():
        if "theta" in name or "linear" in name:
            torch.nn.init.normal_(v)
    return layer.double()


def logistic(a: Tensor, b: Tensor) -> Tensor:
    return 1 / (1 + (b - a).exp())


def node(layer: gpool.Mixture, x: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """f = s f_left + (1 - s) f_right with a logistic gate s on the mean node."""
    score = layer.theta if layer.gate is None else layer.theta + layer.linear.weight @ x.mean(0)
    share = logistic(*score)
    return share * left + (1 - share) * right


def rows(one: object, x: Tensor) -> Tensor:
    """``one`` of every graph by itself, zeros for the empty ones."""
    return torch.stack([one(x[g == GRAPHS]) if g in (0, 2, 4) else x.new_zeros(3) for g in range(5)])  # type: ignore[operator]


def agree(layer: gpool.Mixture, one: object) -> None:
    x = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    y, expected = layer(x, GRAPHS, dim_size=5), rows(one, x)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-12)
    weight, wanted = torch.randn_like(y), (x, *layer.parameters())
    grads = [torch.autograd.grad((v * weight).sum(), wanted) for v in (y, expected)]
    torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("gate", [None, "graph"])
def test_mixed_and_gated_equal_the_loop(gate: str | None) -> None:
    layer = drawn(gpool.Mixture(both(), gate=gate, channels=3))
    agree(layer, lambda x: node(layer, x, x.max(0).values, x.mean(0)))


def test_a_tree_equals_the_recursion() -> None:
    layer = drawn(tree(3))
    left, right = layer.readouts

    def one(x: Tensor) -> Tensor:
        smooth = right.readouts[1](x)[0]
        return node(layer, x, node(left, x, x.max(0).values, x.mean(0)), node(right, x, x.sum(0), smooth))

    agree(layer, one)


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (gpool.Mixture(both()), {"size": "mean"}),
        (gpool.Mixture(both(), gate="graph", channels=4), {"size": "mean"}),
        (gpool.Mixture([gpool.PowerMean(4), gpool.LogMeanExp(None), SumAggregation()]), {}),
        (tree(4), {}),
    ],
    ids=["mixed", "gated", "three", "tree"],
)
def test_holds_to_the_contract(layer: gpool.Mixture, options: dict) -> None:
    assert_readout(layer, channels=4, **options)
    assert_readout(drawn(layer).float(), channels=4, **options)


@pytest.mark.parametrize("child", [0, 1, 2])
def test_a_certain_weight_returns_its_child(child: int) -> None:
    layer = gpool.Mixture([*both(), SumAggregation()])
    layer.theta.data[child] = 60.0
    x = torch.randn(8, 3)
    torch.testing.assert_close(layer(x, GRAPHS, dim_size=5), layer.readouts[child](x, GRAPHS, dim_size=5))


def test_a_gate_without_weights_is_a_mix_and_a_tree_of_one_level_is_a_gate() -> None:
    x = torch.randn(8, 3)
    mixed, gated = gpool.Mixture(both()), gpool.Mixture(both(), gate="graph", channels=3)
    torch.testing.assert_close(gated(x, GRAPHS, dim_size=5), mixed(x, GRAPHS, dim_size=5))
    drawn(gated).float()
    alone = gpool.Mixture([gated], gate="graph", channels=3)
    torch.testing.assert_close(alone(x, GRAPHS, dim_size=5), gated(x, GRAPHS, dim_size=5))


@pytest.mark.parametrize("gate", [None, "graph"])
def test_rows_lie_between_the_children(gate: str | None) -> None:
    layer = drawn(gpool.Mixture([*both(), SumAggregation()], gate=gate, channels=3))
    x = torch.randn(2, 8, 3, dtype=torch.float64)
    rows = torch.stack([child(x, GRAPHS, dim_size=5) for child in layer.readouts])
    y = layer(x, GRAPHS, dim_size=5)
    assert bool(((rows.min(0).values - 1e-12 <= y) & (y <= rows.max(0).values + 1e-12)).all())
    weight = layer.weights(x, GRAPHS, dim_size=5)
    assert weight.shape == ((3,) if gate is None else (2, 5, 3))
    torch.testing.assert_close(weight.sum(-1), torch.ones_like(weight[..., 0]))


def test_gradient_reaches_every_child_and_gate_at_the_start() -> None:
    children = [gpool.GNP(3, p=2.0), gpool.PowerMean(3), gpool.LogMeanExp(3)]
    layer = gpool.Mixture(children, gate="graph", channels=3)
    layer(torch.rand(8, 3) + 0.1, GRAPHS, dim_size=5).square().sum().backward()
    assert all(bool((v.grad != 0).any()) for v in layer.parameters())


@pytest.mark.parametrize("gate", [None, "graph"])
def test_one_node_gives_itself(gate: str | None) -> None:
    """Maximum and mean of one node are that node, whatever their weights."""
    layer, x = drawn(gpool.Mixture(both(), gate=gate, channels=3)), torch.randn(1, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x), x)


@pytest.mark.parametrize(
    ("children", "options", "kind", "words"),
    [
        ([], {}, ValueError, r"children=\[\] must hold at least one"),
        ([MeanAggregation(), torch.nn.ReLU()], {}, TypeError, r"children\[1\] is a ReLU"),
        (both(), {"gate": "node"}, ValueError, "gate='node' must be None or 'graph'"),
        (both(), {"gate": "graph"}, ValueError, "gate='graph' needs channels"),
        ([gpool.GNP(3), gpool.GNP(4)], {}, ValueError, r"children of widths \[3, 4\]"),
    ],
)
def test_bad_options_are_refused_by_name(children: list, options: dict, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words):
        gpool.Mixture(children, **options)


def test_bad_input_is_refused_by_name() -> None:
    index = torch.zeros(3, dtype=torch.long)
    with pytest.raises(ValueError, match="channels=4"):
        gpool.Mixture(both(), gate="graph", channels=4)(torch.rand(3, 5), index, dim_size=1)
    with pytest.raises(TypeError, match=r"x is torch.float64; it must be torch.float32"):
        gpool.Mixture(both(), gate="graph", channels=4)(torch.rand(3, 4).double(), index, dim_size=1)
    wider = gpool.GNP(None, branch="both", mix="concat")
    with pytest.raises(ValueError, match=r"children\[1\] gives \(1, 8\); it must be \(1, 4\)"):
        gpool.Mixture([MeanAggregation(), wider])(torch.rand(3, 4), index, dim_size=1)
    with pytest.raises(ValueError, match="x=None"):
        gpool.Mixture(both(), gate="graph", channels=4).weights()
