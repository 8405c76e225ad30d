"""Nested readouts against two loops."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.nn.aggr import MaxAggregation, MeanAggregation, SumAggregation

import gpool
from gpool.testing import assert_readout

GRAPHS = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty
PARTS = torch.tensor([3, 1, 0, 0, 5, 2, 3, 5])  # of graph 0: 1 and 3; of 2: 0 and 5; of 4: 2; 4 and 6 of none


def test_equals_two_loops_in_value_and_gradient() -> None:
    x = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    layer = gpool.Nested(gpool.LogMeanExp(3, tau=0.7), gpool.PowerMean(3, negative="shift")).double()
    y = layer(x, GRAPHS, dim_size=5, part=PARTS, num_parts=7)
    expected = [x[0] * 0] * 5
    for g in (0, 2, 4):
        rows = [layer.inner(x[part == PARTS])[0] for part in PARTS[g == GRAPHS].unique()]
        expected[g] = layer.outer(torch.stack(rows))[0]
    torch.testing.assert_close(y, torch.stack(expected), rtol=1e-10, atol=1e-11)
    weight, wanted = torch.randn_like(y), (x, *layer.parameters())
    grads = [torch.autograd.grad((v * weight).sum(), wanted) for v in (y, torch.stack(expected))]
    torch.testing.assert_close(*grads, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("inner", "outer", "options"),
    [
        (MeanAggregation(), MaxAggregation(), {"size": "mean"}),
        (SumAggregation(), gpool.GNP(4), {}),
        (gpool.PowerMean(4), gpool.LogMeanExp(None), {}),
    ],
)
def test_holds_to_the_contract(inner, outer, options: dict) -> None:
    assert_readout(gpool.Nested(inner, outer), channels=4, **options)


@pytest.mark.parametrize(
    ("inner", "outer", "size"),
    [
        (MeanAggregation(), MaxAggregation(), "mean"),
        (SumAggregation(), gpool.GNP(4), None),
        (gpool.QueryAttention(4, heads=2), gpool.GeneralizedSum(4, prototypes=3), "mean"),
    ],
)
def test_with_parts_it_holds_to_the_contract(inner, outer, size: str | None) -> None:
    """Two parts a graph, by the sign of a node's first channel; some have no node."""

    def call(layer, inputs, index, dim_size):
        part = 2 * index + (inputs[0][:, 0] > 0)
        return layer(inputs[0], index, dim_size=dim_size, part=part, num_parts=2 * dim_size)

    layer = gpool.Nested(inner, outer)
    assert_readout(layer, channels=4, call=call, aggregation=False, size=size)


def test_without_parts_a_graph_is_one_part() -> None:
    x = torch.randn(8, 3)
    inner, outer = gpool.GNP(3, p=2.0), SumAggregation()
    torch.testing.assert_close(
        gpool.Nested(inner, outer)(x, GRAPHS, dim_size=5), inner(x, GRAPHS, dim_size=5)
    )


def test_parts_in_any_numbering_with_leading_dimensions_and_ptr() -> None:
    x, layer = torch.randn(2, 8, 3), gpool.Nested(MaxAggregation(), SumAggregation())
    y = layer(x, GRAPHS, dim_size=5, part=PARTS)
    perm = torch.randperm(7)
    torch.testing.assert_close(layer(x, GRAPHS, dim_size=5, part=perm[PARTS], num_parts=7), y)
    first = layer(x.movedim(1, 0), GRAPHS, dim_size=5, dim=0, part=PARTS)
    torch.testing.assert_close(first.movedim(0, 1), y)
    order = GRAPHS.argsort(stable=True)
    ptr = torch.cat([order.new_zeros(1), torch.bincount(GRAPHS, minlength=5).cumsum(0)])
    torch.testing.assert_close(layer(x[:, order], ptr=ptr, part=PARTS[order]), y)
    nothing = layer(x[:, :0], GRAPHS[:0], dim_size=2, part=PARTS[:0])
    assert torch.equal(nothing, torch.zeros(2, 2, 3))


def test_compiles_with_parts() -> None:
    torch.compiler.reset()
    layer = gpool.Nested(gpool.GNP(3), MeanAggregation())

    def call(x: torch.Tensor, graph: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
        return layer(x, graph, dim_size=5, part=part, num_parts=7)

    x = torch.rand(8, 3)
    compiled = torch.compile(call, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, GRAPHS, PARTS), call(x, GRAPHS, PARTS))


def test_errors() -> None:
    layer, x = gpool.Nested(MeanAggregation(), MeanAggregation()), torch.randn(8, 3)
    with pytest.raises(ValueError, match="part 3 has nodes of graphs 0 and 2; it must lie in one"):
        layer(x, GRAPHS, dim_size=5, part=torch.tensor([3, 1, 0, 3, 5, 2, 3, 5]))
    with pytest.raises(IndexError, match=r"part runs from 0 to 5; it must lie in 0 \.\. 4"):
        layer(x, GRAPHS, dim_size=5, part=PARTS, num_parts=5)
    with pytest.raises(ValueError, match=r"part of shape \(7,\) must be \(8,\), one part for each node"):
        layer(x, GRAPHS, dim_size=5, part=PARTS[:7])
    with pytest.raises(TypeError, match=r"part is torch.float32"):
        layer(x, GRAPHS, dim_size=5, part=PARTS.float())
    with pytest.raises(TypeError, match="outer is a Linear; it must be an Aggregation"):
        gpool.Nested(MeanAggregation(), torch.nn.Linear(2, 2))
