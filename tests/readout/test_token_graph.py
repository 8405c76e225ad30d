"""TokenGraph against dense loops over graphs, and its limits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GCNConv, GINConv, GraphConv
from torch_geometric.nn.aggr import AttentionalAggregation, MaxAggregation, MeanAggregation
from torch_geometric.utils import add_self_loops, degree

import gpool
from gpool.testing import Subject, assert_readout, assert_size

GRAPHS = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty


def gate(width: int) -> AttentionalAggregation:
    """The authors' readout: w tanh(U u)."""
    return AttentionalAggregation(nn.Sequential(nn.Linear(width, 8), nn.Tanh(), nn.Linear(8, 1)))


def one(layer: gpool.TokenGraph, x: Tensor) -> Tensor:
    """One graph by its adjacency matrix, with GraphConv's W_1 h + W_2 A h and the gated sum written out."""
    unit = x / x.norm(dim=1, keepdim=True)
    adjacent = ((unit @ unit.t() > layer.tau) & ~torch.eye(len(x), dtype=torch.bool)).to(x.dtype)
    layers = [x]
    for conv in layer.convs:
        h = layers[-1]
        h = h @ conv.lin_root.weight.t() + adjacent @ h @ conv.lin_rel.weight.t() + conv.lin_rel.bias
        layers.append(h.relu())
    later = torch.stack(layers[1:]) if layer.jump != "cat" else None
    u = (
        torch.cat(layers, dim=1)
        if later is None
        else later.mean(0)
        if layer.jump == "mean"
        else later.amax(0)
    )
    return (layer.readout.gate_nn(u).softmax(0) * u).sum(0)


@pytest.mark.parametrize("jump", ["cat", "max", "mean"])
@pytest.mark.parametrize("tau", [-0.5, 0.3])
def test_equals_the_loop_in_value_and_gradient(jump: str, tau: float) -> None:
    convs = [GraphConv(3, 4), GraphConv(4, 4)]
    layer = gpool.TokenGraph(3, convs=convs, readout=gate(11 if jump == "cat" else 4), tau=tau, jump=jump)
    layer.double()
    x = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    y = layer(x, GRAPHS, dim_size=5)
    rows = [one(layer, x[g == GRAPHS]) if g in (0, 2, 4) else torch.zeros_like(y[0]) for g in range(5)]
    expected = torch.stack(rows)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-12)
    weight, wanted = torch.randn_like(y), (x, *layer.parameters())
    grads = [torch.autograd.grad((v * weight).sum(), wanted) for v in (y, expected)]
    torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "convs",
    [
        [GraphConv(4, 5), GraphConv(5, 5)],
        [GATConv(4, 3, heads=2)],
        [GCNConv(4, 5)],
        [GINConv(nn.Linear(4, 4))],
        [],
    ],
    ids=["GraphConv", "GAT", "GCN", "GIN", "none"],
)
def test_holds_to_the_contract(convs: list[nn.Module]) -> None:
    assert_readout(gpool.TokenGraph(4, convs=convs, readout=MeanAggregation(), tau=0.2), channels=4)


def test_the_authors_readout_holds_to_the_contract() -> None:
    convs = [GraphConv(4, 5), GraphConv(5, 5)]
    assert_readout(gpool.TokenGraph(4, convs=convs, readout=gate(14), tau=0.2), channels=4)
    assert_readout(gpool.TokenGraph(4, convs=convs, readout=gate(5), tau=0.2, jump="max"), channels=4)


def test_copies_of_nodes_change_nothing_where_convolutions_are_means() -> None:
    """A node and its copies are pairs, so that a mean with self-loops is over the same states."""

    class MeanOfNear(nn.Module):
        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            edge_index = add_self_loops(edge_index, num_nodes=len(x))[0]
            return MeanAggregation()(x[edge_index[0]], edge_index[1], dim_size=len(x))

    layer = gpool.TokenGraph(4, convs=[MeanOfNear(), MeanOfNear()], readout=gate(12), tau=0.2)
    assert_size(Subject(layer, channels=4, size="mean"))


@pytest.mark.parametrize("jump", ["cat", "max"])
def test_positive_scales_change_no_edge(jump: str) -> None:
    """A convolution that counts the neighbors, and sees nothing else, gives the same."""

    class Degree(nn.Module):
        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            return degree(edge_index[1], len(x)).unsqueeze(1)

    layer = gpool.TokenGraph(3, convs=[Degree()], readout=MeanAggregation(), tau=0.2, jump=jump)
    x, scale = torch.randn(8, 3), torch.rand(8, 1) + 0.5
    counts = layer(x, GRAPHS, dim_size=5)[:, -1]
    assert bool((counts > 0).any())
    assert torch.equal(layer(scale * x, GRAPHS, dim_size=5)[:, -1], counts)


def test_no_edge_crosses_graphs() -> None:
    class Seen(nn.Module):
        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            self.edge_index = edge_index
            return x

    seen = Seen()
    gpool.TokenGraph(3, convs=[seen], readout=MeanAggregation(), tau=-1.0)(torch.rand(8, 3), GRAPHS)
    one, two = GRAPHS[seen.edge_index]
    assert torch.equal(one, two)
    assert len(one) == 3 * 2 + 4 * 3  # all pairs of the graphs of three and of four nodes


def test_a_learned_readout_tells_the_width() -> None:
    layer = gpool.TokenGraph(4, convs=[GraphConv(4, 5)], readout=gpool.GNP(9), tau=0.2)
    assert_readout(layer, channels=4)
    assert layer.out_channels == 9


@pytest.mark.parametrize("tau", [1.0, 2.0])
def test_without_layers_and_edges_it_is_its_readout(tau: float) -> None:
    x = torch.randn(8, 3)
    read = gate(3)
    layer = gpool.TokenGraph(3, convs=[], readout=read, tau=tau)
    torch.testing.assert_close(layer(x, GRAPHS, dim_size=5), read(x, GRAPHS, dim_size=5))
    conv = GraphConv(3, 4)
    layer = gpool.TokenGraph(3, convs=[conv], readout=MaxAggregation(), tau=tau)
    own = torch.cat([x, (conv.lin_root(x) + conv.lin_rel.bias).relu()], dim=1)  # equal rows too are no pair
    torch.testing.assert_close(layer(x, GRAPHS, dim_size=5), MaxAggregation()(own, GRAPHS, dim_size=5))
    twins = torch.ones(8, 3)
    own = torch.cat([twins, (conv.lin_root(twins) + conv.lin_rel.bias).relu()], dim=1)
    torch.testing.assert_close(layer(twins, GRAPHS, dim_size=5), MaxAggregation()(own, GRAPHS, dim_size=5))


def test_gradient_reaches_the_nodes_through_the_layers() -> None:
    conv = GraphConv(3, 4)
    layer = gpool.TokenGraph(3, convs=[conv], readout=MeanAggregation(), tau=-1.0, jump="max")
    x = torch.randn(8, 3, requires_grad=True)
    layer(x, GRAPHS, dim_size=5).sum().backward()  # "max" leaves x itself out: only the layer brings gradient
    assert bool((x.grad != 0).any(dim=1).all())
    assert bool((conv.lin_rel.weight.grad != 0).any())


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"tau": -1.5}, ValueError, "tau=-1.5"),
        ({"tau": float("nan")}, ValueError, "tau=nan"),
        ({"jump": "lstm"}, ValueError, "jump='lstm' must be"),
        ({"jump": "max"}, ValueError, "jump='max' needs at least one layer"),
        ({"readout": nn.ReLU()}, TypeError, "readout is a ReLU"),
        ({"channels": 0}, ValueError, "channels=0"),
    ],
)
def test_bad_options_are_refused_by_name(options: dict, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words):
        gpool.TokenGraph(**{"channels": 4, "convs": [], "readout": MeanAggregation(), **options})


def test_bad_width_is_refused() -> None:
    layer = gpool.TokenGraph(4, convs=[], readout=MeanAggregation())
    with pytest.raises(ValueError, match="channels=4"):
        layer(torch.rand(3, 5), torch.zeros(3, dtype=torch.long), dim_size=1)
