"""Explanations through pooling: a mask over the edges of the input, and PyG's summary of a model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from random_graphs import both_ways
from torch import Tensor, nn
from torch_geometric.explain import CaptumExplainer, Explainer, GNNExplainer
from torch_geometric.nn import GCNConv, MeanAggregation, summary

import gpool
from gpool.models import (
    Encoder,
    GraphModel,
    GraphParsingNetwork,
    GraphParsingNodeNetwork,
    SparseHierarchicalNet,
)
from gpool.pooling import Pooling

EDGES = both_ways(
    [(i, (i + 1) % 6) for i in range(6)] + [(6 + i, 6 + (i + 1) % 6) for i in range(6)] + [(0, 3)]
)
BATCH = torch.arange(12) // 6


class Positional(nn.Module):
    """Captum hands over what it is given by position, and knows tensors only."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        return self.net(x, edge_index, None, batch, 2)


def pooled(*pooling: Pooling) -> nn.Module:
    encoder = Encoder(4, hidden_channels=8, num_layers=2, conv="gcn")
    return GraphModel(encoder, MeanAggregation(), out_channels=2, pooling=list(pooling))


NETS: dict[str, Callable[[], nn.Module]] = {
    "parsing": lambda: pooled(gpool.GraphParsing(8), gpool.GraphParsing(8)),
    "own encoder": lambda: pooled(*(gpool.GraphParsing(8, encoder=GCNConv(8, 8)) for _ in range(2))),
    "sparse": lambda: pooled(*(gpool.SparseCoarsening(8, ratio=0.5) for _ in range(2))),
    "matching": lambda: pooled(gpool.EdgeContraction(8), gpool.EdgeContraction(8)),
    "parsing network": lambda: GraphParsingNetwork(4, hidden_channels=8, out_channels=2),
    "sparse network": lambda: SparseHierarchicalNet(4, hidden_channels=8, out_channels=2),
}


@pytest.mark.parametrize("name", NETS)
def test_every_edge_of_the_input_gets_a_weight(name: str) -> None:
    x = torch.randn(12, 4)
    for algorithm in (GNNExplainer(epochs=3), CaptumExplainer("Saliency")):
        net = Positional(NETS[name]()).eval()  # a new one: PyG leaves a parameter of the first mask behind
        before = net(x, EDGES, BATCH)
        explainer = Explainer(
            net,
            algorithm,
            explanation_type="model",
            node_mask_type="attributes",
            edge_mask_type="object",
            model_config={"mode": "multiclass_classification", "task_level": "graph", "return_type": "raw"},
        )
        mask = explainer(x, EDGES, batch=BATCH).edge_mask
        assert mask.shape == EDGES.shape[1:]
        assert float(mask.abs().sum()) > 0
        assert torch.equal(net(x, EDGES, BATCH), before)  # no mask is left on


def test_the_network_for_nodes_is_explained_on_the_finest_level_only() -> None:
    net = GraphParsingNodeNetwork(4, hidden_channels=8, out_channels=2).eval()
    explainer = Explainer(
        net,
        GNNExplainer(epochs=2),
        explanation_type="model",
        edge_mask_type="object",
        model_config={"mode": "multiclass_classification", "task_level": "node", "return_type": "raw"},
    )
    assert explainer(torch.randn(12, 4), EDGES, index=3).edge_mask.shape == EDGES.shape[1:]


def test_the_sparse_convolution_sends_the_same_sum_while_it_is_explained() -> None:
    conv = SparseHierarchicalNet(4, hidden_channels=8, out_channels=2).convs[0]
    x = torch.randn(12, 4)
    plain = conv(x, EDGES)
    conv.explain = True
    conv._edge_mask, conv._loop_mask, conv._apply_sigmoid = torch.ones(EDGES.size(1)), None, False
    torch.testing.assert_close(conv(x, EDGES), plain)


@pytest.mark.parametrize("name", NETS)
def test_summary_of_a_model(name: str) -> None:
    assert "Linear" in summary(NETS[name](), torch.randn(12, 4), EDGES, None, BATCH, 2)
