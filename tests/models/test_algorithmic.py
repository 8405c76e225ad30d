"""The network of the extrapolation tasks against a loop over edges, and that it learns what it should."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.nn import MaxAggregation, SumAggregation

import gpool
from gpool.models import AlgorithmicModel
from gpool.models.extrapolation import MessageRound


def test_a_round_is_a_perceptron_on_target_source_and_weight() -> None:
    layer = MessageRound(3, 5, weighted=True, aggregation=SumAggregation())
    x, edge_index = torch.randn(4, 3), torch.tensor([[0, 1, 2, 3, 0], [1, 0, 1, 1, 2]])
    weight = torch.rand(5, 1)
    expected = torch.zeros(4, 5)
    first = torch.cat([layer.target.weight, layer.source.weight, layer.weight.weight], dim=1)
    for (source, target), w in zip(edge_index.t().tolist(), weight, strict=True):
        hidden = (first @ torch.cat([x[target], x[source], w]) + layer.target.bias).relu()
        expected[target] += layer.second(hidden).relu()
    torch.testing.assert_close(layer(x, edge_index, weight), expected)


def test_every_round_has_its_own_pooling_and_batches_do_not_mix() -> None:
    model = AlgorithmicModel(2, 1, gpool.GNP(None), gpool.GNP(None), hidden_channels=8, num_layers=3)
    assert len({id(p) for m in model.modules() if isinstance(m, gpool.GNP) for p in m.parameters()}) == 8
    x, edge_index = torch.randn(5, 2), torch.tensor([[0, 1, 2, 3, 4], [1, 0, 3, 4, 2]])
    both = model(x, edge_index, batch=torch.tensor([0, 0, 1, 1, 1]), batch_size=2)
    torch.testing.assert_close(both[:1], model(x[:2], edge_index[:, :2]))
    torch.testing.assert_close(both[1:], model(x[2:], edge_index[:, 2:] - 2))


def test_without_rounds_it_is_a_readout_and_a_linear_head() -> None:
    model = AlgorithmicModel(2, 3, MaxAggregation(), MaxAggregation(), num_layers=0, mlp=False)
    x = torch.randn(5, 2)
    expected = model.head(x.amax(0, keepdim=True))
    torch.testing.assert_close(model(x, torch.empty(2, 0, dtype=torch.long)), expected)


def test_missing_weights_are_named() -> None:
    model = AlgorithmicModel(2, 1, SumAggregation(), SumAggregation(), hidden_channels=4, weighted=True)
    with pytest.raises(ValueError, match="edge_attr=None"):
        model(torch.randn(3, 2), torch.tensor([[0, 1], [1, 0]]))


def test_sum_of_messages_and_maximum_of_nodes_learn_the_largest_degree() -> None:
    from gpool.data import Extrapolation

    data = Extrapolation("max_degree", train=64, val=1, test=1)
    (batch,) = list(data.train_dataloader())
    model = AlgorithmicModel(3, 1, SumAggregation(), MaxAggregation(), hidden_channels=16, num_layers=1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(120):
        optimizer.zero_grad()
        y = model(batch.x, batch.edge_index, None, batch.batch, batch.num_graphs)
        losses.append(torch.nn.functional.mse_loss(y, batch.y))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.1 * batch.y.var()
