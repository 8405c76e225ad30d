"""The perceptrons of graph parsing: their last activation, and widths at which a norm is constant."""

from __future__ import annotations

import inspect

import pytest
import torch
from random_graphs import both_ways

import gpool
from gpool.models import Encoder, GraphParsingNetwork, ParsingParts
from gpool.models.residual_gcn import ResidualGCN
from gpool.pooling import ProductScorer
from gpool.pooling.layers import MLP, ResidualMLP

RING = both_ways([(i, (i + 1) % 7) for i in range(7)])


def test_the_last_activation_leaves_the_scores_alive() -> None:
    net = GraphParsingNetwork(3, hidden_channels=8, out_channels=2, parts=ParsingParts(plain_last=False))
    h = net.encode(torch.randn(7, 3), RING, None)
    assert bool((h >= 0).all())  # the encoder ends in its activation
    score = net.parse.scorer(net.parse.encoder(h, RING), RING[0], RING[1])
    assert float(score.detach().std()) > 1e-3
    net(torch.randn(7, 3), RING).square().sum().backward()
    gradients = [p.grad for p in net.parse.scorer.parameters()]
    assert all(g is not None and float(g.abs().max()) > 0 for g in gradients)


def test_a_scorer_has_no_activation_after_its_last_layer() -> None:
    assert "plain_last" not in inspect.signature(ProductScorer).parameters
    parts = list(gpool.GraphParsing(8, plain_last=False, scorer_layers=3).scorer.mlp)
    assert isinstance(parts[-1], torch.nn.Linear)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: MLP(4, 8, 1, plain_last=False), "out_channels=1"),
        (lambda: MLP(4, 1, 3), "hidden_channels=1"),
        (lambda: ProductScorer(1), "hidden_channels=1"),
        (lambda: ResidualMLP(1), "channels=1"),
        (lambda: ResidualGCN(1), "channels=1"),
        (lambda: gpool.GraphParsing(1), "channels=1"),
        (lambda: GraphParsingNetwork(3, hidden_channels=1), "hidden_channels=1"),
        (lambda: Encoder(3, hidden_channels=1, norm="layer"), "hidden_channels=1"),
    ],
)
def test_a_layer_norm_over_one_channel_is_refused(make, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"{told}.*one channel is constant"):
        make()


def test_one_bare_layer_may_have_one_channel() -> None:
    assert MLP(4, 1, 1, num_layers=1, plain_last=False)(torch.zeros(2, 4)).shape == (2, 1)
    assert Encoder(3, hidden_channels=1)(torch.rand(2, 3), torch.tensor([[0, 1], [1, 0]]))[-1].shape == (2, 1)
