"""Poolings in a GraphModel, with bond features at every level."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from random_graphs import both_ways
from torch import Tensor, nn
from torch_geometric.nn import EdgePooling, GINEConv, TopKPooling
from torch_geometric.nn.aggr import MeanAggregation, SumAggregation

import gpool
from gpool.history import History, HistoryReadout
from gpool.models import Encoder, GraphModel, MoleculeEncoder
from gpool.models.molecule import ATOM, BOND, BondGIN, CategoryEmbedding
from gpool.ops.segment import segment_sum
from gpool.pooling import Pooled, Pooling

EDGES = both_ways([(0, 1), (1, 2), (2, 3), (0, 3), (4, 5), (5, 6)])
BATCH = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2])
POOLINGS: list[Any] = [
    lambda: gpool.SparseCoarsening(8, ratio=0.6),
    lambda: gpool.GraphParsing(8, reduce="mean"),
    lambda: gpool.EdgeContraction(8),
    lambda: gpool.EdgeContraction(8, merge="components", contract=0.5, reduce="max"),
]


def molecules() -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    x = torch.stack([torch.randint(n, (8,)) for n in ATOM], dim=1)
    bonds = torch.stack([torch.randint(n, (6,)) for n in BOND], dim=1).repeat(2, 1)
    return x, EDGES, bonds, BATCH, 4


@pytest.mark.parametrize("make", POOLINGS)
def test_levels_written_out(make: Any) -> None:
    encoder = MoleculeEncoder(hidden_channels=8, num_layers=2, dropout=0.0)
    model = GraphModel(
        encoder, MeanAggregation(), out_channels=3, pooling=[make(), make()], coarse_layers=2
    ).eval()
    x, edges, bonds, batch, size = molecules()
    assert model.hierarchy is not None
    states = encoder(x, edges, bonds)[-1]
    total, index = MeanAggregation()(states, batch, dim_size=size), batch
    carried = encoder.bonds(bonds)
    for pool, layer in zip(model.hierarchy.pooling, model.hierarchy.layers, strict=True):
        pooled = pool(states, edges, carried, index, size)
        assert pooled.edge_attr is not None
        assert pooled.edge_attr.shape == (pooled.edge_index.size(1), 8)
        states = layer(pooled.x, pooled.edge_index, pooled.edge_attr)[-1]
        edges, carried, index = pooled.edge_index, pooled.edge_attr, pooled.batch
        last = MeanAggregation()(states, index, dim_size=size)
        total = total + last
    torch.testing.assert_close(model(x, EDGES, bonds, batch, size), model.head(total))
    model.levels = "last"
    torch.testing.assert_close(model(x, EDGES, bonds, batch, size), model.head(last))


@pytest.mark.parametrize("make", POOLINGS)
def test_bonds_matter_at_the_coarse_level_and_learn(make: Any) -> None:
    torch.manual_seed(1)
    model = GraphModel(
        MoleculeEncoder(hidden_channels=8, num_layers=1, dropout=0.0),
        SumAggregation(),
        out_channels=1,
        pooling=[make()],
    )
    x, edges, bonds, batch, size = molecules()
    model(x, edges, bonds, batch, size).pow(2).sum().backward()
    quiet = [name for name, p in model.named_parameters() if p.grad is None]
    assert not quiet
    assert model.hierarchy is not None
    coarse = model.hierarchy.layers[0].convs[0]
    if model.hierarchy.pooling[0](torch.rand(8, 8), edges, None, batch, size).edge_index.numel():
        assert coarse.lin.weight.grad.abs().sum() > 0


class Total(HistoryReadout):
    out_channels = 8

    def forward(self, history: History, index: Tensor, dim_size: int | None = None) -> Tensor:
        self.count = len(history)
        return segment_sum(sum(history), index, dim_size=dim_size)  # type: ignore[arg-type]


def test_a_history_readout_gets_lifted_states() -> None:
    readout = Total()
    pooling = [gpool.SparseCoarsening(8, ratio=0.5), gpool.GraphParsing(8)]
    model = GraphModel(
        Encoder(3, hidden_channels=8, num_layers=2), readout, out_channels=2, pooling=pooling
    ).eval()
    x = torch.rand(8, 3)
    out = model(x, EDGES, None, BATCH, 4)
    assert readout.count == 4
    history = model.encoder(x, EDGES)
    one = pooling[0](history[-1], EDGES, None, BATCH, 4)
    assert model.hierarchy is not None
    first = model.hierarchy.layers[0](one.x, one.edge_index)[-1]
    two = pooling[1](first, one.edge_index, None, one.batch, 4)
    second = model.hierarchy.layers[1](two.x, two.edge_index)[-1]
    total = sum(history) + one.lift(first) + one.lift(two.lift(second))
    torch.testing.assert_close(out, model.head(segment_sum(total, BATCH, dim_size=4)))


class Penalized(Pooling):
    def pool(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, batch: Tensor, batch_size: int
    ) -> Pooled:
        out = gpool.SparseCoarsening(self.channels, ratio=1.0)(x, edge_index, edge_attr, batch, batch_size)
        return replace(out, aux_loss=x.new_tensor(1.5))


def test_auxiliary_losses_are_added_up() -> None:
    model = GraphModel(
        Encoder(3, hidden_channels=8), MeanAggregation(), out_channels=2, pooling=[Penalized(8), Penalized(8)]
    )
    model(torch.rand(8, 3), EDGES, None, BATCH, 4)
    assert model.aux_loss == 3.0


def test_bond_gin_is_pygs_layers_in_turn() -> None:
    stack = BondGIN(8, num_layers=2, residual=True).eval()
    x, bonds = torch.rand(8, 8), torch.rand(12, 8)
    history = stack(x, EDGES, bonds)
    assert isinstance(stack.convs[0], GINEConv)
    first = x + stack.norms[0](stack.convs[0](x, EDGES, bonds)).relu()
    torch.testing.assert_close(history[0], first)
    torch.testing.assert_close(history[1], first + stack.norms[1](stack.convs[1](first, EDGES, bonds)))


def test_embedding_is_the_sum_of_one_row_each() -> None:
    table = CategoryEmbedding((2, 3), 4)
    x = torch.tensor([[1, 2], [0, 0]])
    weight = table.table.weight
    torch.testing.assert_close(table(x), torch.stack([weight[1] + weight[4], weight[0] + weight[2]]))
    with pytest.raises(ValueError, match=r"integers \[M, 2\]"):
        table(torch.zeros(2, 2))


def test_bad_options_are_named() -> None:
    with pytest.raises(ValueError, match="levels='all'"):
        GraphModel(Encoder(3, hidden_channels=8), MeanAggregation(), out_channels=2, levels="all")  # type: ignore[arg-type]


def test_molecule_encoder_refuses_other_features() -> None:
    with pytest.raises(ValueError, match="in_channels=4"):
        MoleculeEncoder(4)
    with pytest.raises(ValueError, match="edge_attr=None"):
        MoleculeEncoder()(torch.zeros(1, 9, dtype=torch.long), EDGES[:, :0])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("conv", ["gin", "gcn"])
def test_compiles_in_one_graph_with_batch_norm(conv: Any, training: bool) -> None:
    pooling = [gpool.SparseCoarsening(8, ratio=0.7), gpool.SparseCoarsening(8, ratio=0.7)]
    model = GraphModel(
        Encoder(4, hidden_channels=8, conv=conv), MeanAggregation(), out_channels=2, pooling=pooling
    )
    model.train(training)
    x = torch.randn(8, 4)
    torch._dynamo.reset()
    expected = model(x, EDGES, None, BATCH, 4)
    found = torch.compile(model, fullgraph=True, backend="eager")(x, EDGES, None, BATCH, 4)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("make", [lambda: gpool.SparseCoarsening(8, ratio=0.5), *POOLINGS[1:]])
def test_trains_where_one_node_is_left(make: Any) -> None:
    model = GraphModel(
        Encoder(3, hidden_channels=8), MeanAggregation(), out_channels=2, pooling=[make(), make()]
    )
    before = {name: value.clone() for name, value in model.state_dict().items() if "running" in name}
    out = model(torch.randn(2, 3), both_ways([(0, 1)]), None, torch.tensor([0, 0]), 1)
    out.sum().backward()
    assert out.isfinite().all()
    changed = [name for name, value in before.items() if not torch.equal(value, model.state_dict()[name])]
    assert changed
    assert all(name.startswith("encoder") for name in changed)  # one row has no statistics


@pytest.mark.parametrize("foreign", [TopKPooling(8), EdgePooling(8), nn.Linear(8, 8), "gpool.GraphParsing"])
def test_what_is_no_pooling_is_refused_at_construction(foreign: Any) -> None:
    with pytest.raises(ValueError, match=r"pooling\[1\]=.* must be a gpool.pooling.Pooling"):
        GraphModel(
            Encoder(4, hidden_channels=8),
            MeanAggregation(),
            out_channels=2,
            pooling=[gpool.GraphParsing(8), foreign],
        )


def test_a_pooling_that_is_not_in_a_list_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pooling=GraphParsing.* must be a list"):
        GraphModel(
            Encoder(4, hidden_channels=8), MeanAggregation(), out_channels=2, pooling=gpool.GraphParsing(8)
        )  # type: ignore[arg-type]
