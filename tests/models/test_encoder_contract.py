"""An encoder of one's own: the contract suffices for every model, and a missing member is named."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.nn import MeanAggregation

import gpool
from gpool.models import Encoder, GraphModel, NodeModel

EDGES = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])


class Own(nn.Module):
    """One linear map, which halves the edge weights for a pooled graph."""

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self.out_channels = 8
        self.lin = nn.Linear(in_channels, 8)
        self.seen: list[Tensor | None] = []

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None = None) -> list[Tensor]:
        self.seen.append(edge_attr)
        return [self.lin(x)]

    def coarse(self, num_layers: int) -> Own:
        self.made = Own(8)
        return self.made

    def edges(self, edge_attr: Tensor | None) -> Tensor | None:
        return None if edge_attr is None else edge_attr / 2


def test_the_contract_suffices() -> None:
    encoder, weight = Own(), torch.rand(4)
    model = GraphModel(
        encoder, MeanAggregation(), out_channels=2, pooling=[gpool.SparseCoarsening(8, ratio=1.0)]
    )
    assert model(torch.rand(3, 3), EDGES, weight).shape == (1, 2)
    assert encoder.seen[0] is weight
    carried = encoder.made.seen[0]
    assert carried is not None
    torch.testing.assert_close(carried.sort().values, (weight / 2).sort().values)
    assert NodeModel(Own(), out_channels=2)(torch.rand(3, 3), EDGES).shape == (3, 2)


@pytest.mark.parametrize("member", ["out_channels", "coarse", "edges"])
def test_a_missing_member_is_named(member: str) -> None:
    encoder = Own()
    if member == "out_channels":
        del encoder.out_channels
    else:
        setattr(encoder, member, None)
    with pytest.raises(ValueError, match=rf"encoder=Own must have .*{member}"):
        GraphModel(encoder, MeanAggregation(), out_channels=2, pooling=[gpool.SparseCoarsening(8)])
    if member == "out_channels":
        with pytest.raises(ValueError, match="integer out_channels"):
            NodeModel(encoder, out_channels=2)
    else:
        GraphModel(encoder, MeanAggregation(), out_channels=2)  # asked for only where there is a pooling


def test_the_own_encoder_hands_edge_attributes_on() -> None:
    weight = torch.rand(4)
    assert Encoder(3, hidden_channels=8).edges(weight) is weight
    assert Encoder(3, hidden_channels=8).edges(None) is None
