"""GraphModel against PyG's parts put together by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import MaxAggregation, MeanAggregation, MultiAggregation, Set2Set, SumAggregation

from gpool import GNP, SparseCoarsening
from gpool.history import History, HistoryReadout
from gpool.models import Encoder, GraphModel, MLPHead
from gpool.pooling import Pooling

EDGES = torch.tensor([[0, 1, 1, 2, 3, 4], [1, 0, 2, 1, 4, 3]])
BATCH = torch.tensor([0, 0, 0, 1, 1])


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


@pytest.mark.parametrize("pooling", [None, [SparseCoarsening(8)]])
def test_a_size_without_a_batch_counts_the_empty_graphs_too(
    pooling: list[Pooling] | None,
) -> None:
    model = GraphModel(Encoder(3, 8), GNP(8), out_channels=2, pooling=pooling).eval()
    x, edge_index = torch.rand(4, 3), torch.tensor([[0, 1, 2], [1, 2, 3]])
    y = model(x, edge_index, batch_size=3)
    assert y.shape == (3, 2)
    torch.testing.assert_close(y[:1], model(x, edge_index))
    torch.testing.assert_close(y[1:], model(x, edge_index, None, torch.zeros(4, dtype=torch.long), 3)[1:])
