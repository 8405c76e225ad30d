"""The encoder against its layers in turn, and what poolings ask of it."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.nn import GATConv, GCNConv, GINConv, SAGEConv

from gpool.models import Encoder

EDGES = torch.tensor([[0, 1, 1, 2, 3, 4], [1, 0, 2, 1, 4, 3]])


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


@pytest.mark.parametrize("norm", ["batch", "layer", None])
def test_coarse_layers_are_of_the_same_kind(norm: str | None) -> None:
    encoder = Encoder(3, hidden_channels=8, conv="sage", norm=norm, residual=True, dropout=0.25)  # type: ignore[arg-type]
    coarse = encoder.coarse(2)
    assert (coarse.in_channels, coarse.out_channels, coarse.num_layers) == (8, 8, 2)
    for name in ("conv", "norm", "residual", "dropout"):
        assert getattr(coarse, name) == getattr(encoder, name)
    assert [type(layer) for layer in coarse.norms] == [type(layer) for layer in encoder.norms[:2]]
    assert not {id(p) for p in coarse.parameters()} & {id(p) for p in encoder.parameters()}


def test_edge_attributes_are_not_read() -> None:
    encoder, x = Encoder(3, hidden_channels=8, num_layers=2).eval(), torch.randn(5, 3)
    plain, given = encoder(x, EDGES), encoder(x, EDGES, torch.randn(6, 4))
    assert all(map(torch.equal, plain, given))


def test_reset_draws_every_layer_anew() -> None:
    encoder = Encoder(3, hidden_channels=8, num_layers=2)
    with torch.no_grad():
        for p in encoder.parameters():
            p.fill_(7.0)
    encoder.reset_parameters()
    assert all((p != 7.0).all() for p in encoder.parameters())


def test_one_node_can_be_trained_on() -> None:
    encoder = Encoder(3, hidden_channels=8, num_layers=2).train()
    history = encoder(torch.randn(1, 3), EDGES[:, :0])
    history[-1].sum().backward()
    assert all(state.isfinite().all() for state in history)


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"x is torch.float32 of shape \(5, 4\); .* \[N, 3\]"):
        Encoder(3)(torch.randn(5, 4), EDGES)
