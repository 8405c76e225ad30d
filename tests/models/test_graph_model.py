"""Encoder and GraphModel against PyG's parts put together by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GCNConv, GINConv, SAGEConv
from torch_geometric.nn.aggr import MaxAggregation, MeanAggregation, MultiAggregation, Set2Set, SumAggregation

from gpool import GNP
from gpool.history import History, HistoryReadout
from gpool.models import Encoder, GraphModel, MLPHead

EDGES = torch.tensor([[0, 1, 1, 2, 3, 4], [1, 0, 2, 1, 4, 3]])
BATCH = torch.tensor([0, 0, 0, 1, 1])


@pytest.mark.parametrize(
    ("conv", "kind"), [("gin", GINConv), ("gcn", GCNConv), ("sage", SAGEConv), ("gat", GATConv)]
)
@pytest.mark.parametrize("residual", [False, True])
def test_encoder_is_its_layers_in_turn(conv: str, kind: type, residual: bool) -> None:
    encoder = Encoder(3, hidden_channels=8, num_layers=3, conv=conv, norm="layer", residual=residual).eval()  # type: ignore[arg-type]
    x = torch.randn(5, 3)
    history = encoder(x, EDGES)
    assert all(isinstance(layer, kind) for layer in encoder.convs)
    assert len(history) == 3
    state = x
    for layer, norm, got in zip(encoder.convs, encoder.norms, history, strict=True):
        out = torch.relu(norm(layer(state, EDGES)))
        state = state + out if residual and state.size(1) == out.size(1) else out
        assert torch.equal(got, state)


def test_encoder_dropout_only_while_training() -> None:
    encoder = Encoder(3, hidden_channels=64, num_layers=1, norm=None, dropout=0.5)
    x = torch.rand(5, 3)
    assert torch.equal(encoder.eval()(x, EDGES)[0], encoder(x, EDGES)[0])
    zeros = (encoder.train()(x, EDGES)[0] == 0).float().mean()
    assert zeros > (encoder.eval()(x, EDGES)[0] == 0).float().mean()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"num_layers": 0}, "num_layers=0 must be at least 1"),
        ({"conv": "cheb"}, "conv='cheb' must be one of"),
        ({"norm": "instance"}, "norm='instance' must be 'batch', 'layer' or None"),
    ],
)
def test_encoder_refuses(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Encoder(3, hidden_channels=8, **options)


@pytest.mark.parametrize(
    ("readout", "width"),
    [
        (MeanAggregation(), 8),
        (GNP(8), 8),
        (GNP(None), 8),
        (Set2Set(8, 2), 16),
        (MultiAggregation(["mean", "max", "sum"]), 24),
    ],
)
def test_default_head_takes_the_readouts_width(readout: nn.Module, width: int) -> None:
    readout.train()
    model = GraphModel(Encoder(3, hidden_channels=8), readout, out_channels=2)  # type: ignore[arg-type]
    assert model.head[0].in_features == width
    assert readout.training
    assert model(torch.rand(5, 3), EDGES, batch=BATCH, batch_size=2).shape == (2, 2)


def test_model_is_head_of_readout_of_last_layer() -> None:
    model = GraphModel(Encoder(3, hidden_channels=8), SumAggregation(), head=MLPHead(8, 4, 2)).eval()
    x = torch.rand(5, 3)
    last = model.encoder(x, EDGES)[-1]
    expected = model.head(torch.stack([last[:3].sum(0), last[3:].sum(0)]))
    assert torch.allclose(model(x, EDGES, batch=BATCH, batch_size=2), expected, atol=1e-6)


def test_without_batch_all_nodes_are_one_graph() -> None:
    model = GraphModel(Encoder(3, hidden_channels=8), MaxAggregation(), out_channels=2).eval()
    x = torch.rand(5, 3)
    assert torch.equal(model(x, EDGES), model(x, EDGES, batch=torch.zeros(5, dtype=torch.long), batch_size=1))


def test_empty_graphs_at_the_end_of_a_batch_are_predicted_too() -> None:
    model = GraphModel(Encoder(3, hidden_channels=8), GNP(8), out_channels=2).eval()
    assert model(torch.rand(5, 3), EDGES, batch=BATCH, batch_size=4).shape == (4, 2)


class DepthSum(HistoryReadout):
    """Sum over layers and nodes."""

    out_channels = 8

    def forward(self, history: History, index: Tensor, dim_size: int | None = None) -> Tensor:
        return SumAggregation()(sum(history), index, dim_size=dim_size)


def test_history_readout_reads_every_layer() -> None:
    model = GraphModel(Encoder(3, hidden_channels=8, num_layers=3), DepthSum(), head=nn.Identity()).eval()
    x = torch.rand(5, 3)
    total = torch.stack(model.encoder(x, EDGES)).sum(0)
    expected = torch.stack([total[:3].sum(0), total[3:].sum(0)])
    assert torch.allclose(model(x, EDGES, batch=BATCH, batch_size=2), expected, atol=1e-5)


def test_head_and_width_exclude_each_other() -> None:
    for options in ({}, {"head": nn.Identity(), "out_channels": 2}):
        with pytest.raises(ValueError, match="either head or out_channels"):
            GraphModel(Encoder(3, hidden_channels=8), MeanAggregation(), **options)


def test_encoder_must_say_its_width() -> None:
    with pytest.raises(ValueError, match="must have an integer out_channels"):
        GraphModel(nn.Linear(3, 8), MeanAggregation(), out_channels=2)
