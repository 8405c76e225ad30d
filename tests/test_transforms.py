"""Labeled tuples: what the copies hold, and which graphs they tell apart."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx
import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GINConv
from torch_geometric.nn.aggr import MeanAggregation, SumAggregation
from torch_geometric.utils import from_networkx

from gpool import Nested
from gpool.transforms import LabeledData, LabelTuples


def plain(graph: nx.Graph) -> Data:
    edges = from_networkx(nx.convert_node_labels_to_integers(graph)).edge_index
    return Data(edge_index=edges, num_nodes=len(graph))


def shrikhande() -> nx.Graph:
    graph = nx.Graph()
    for a in range(4):
        for b in range(4):
            for step in ((0, 1), (1, 0), (1, 1)):
                graph.add_edge((a, b), ((a + step[0]) % 4, (b + step[1]) % 4))
    return graph


RING, TRIANGLES = plain(nx.cycle_graph(6)), plain(nx.disjoint_union(*[nx.cycle_graph(3)] * 2))
ROOK = plain(nx.line_graph(nx.complete_bipartite_graph(4, 4)))
SHRIKHANDE = plain(shrikhande())


class MappedSum(SumAggregation):
    """A sum that a smooth function follows, so that a sum of such sums keeps them apart."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Sequential(nn.Linear(16, 16), nn.Tanh())

    def forward(self, *args: Any, **options: Any) -> Tensor:
        return self.map(super().forward(*args, **options))


class Network(nn.Module):
    """GIN of smooth functions and sums, which keeps different multisets apart, and a nested readout."""

    def __init__(self, in_channels: int, rounds: int = 4) -> None:
        super().__init__()
        widths = [in_channels, *[16] * rounds]
        self.convs = nn.ModuleList(
            GINConv(nn.Sequential(nn.Linear(a, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh()))
            for a, b in pairwise(widths)
        )
        self.readout = Nested(MappedSum(), SumAggregation())

    def forward(self, data: Batch) -> Tensor:
        x = data.x
        for conv in self.convs:
            x = conv(x, data.edge_index)
        return self.readout(x, data.batch, dim_size=data.num_graphs, part=data.get("part"))


def distance(one: Data, two: Data, length: int) -> float:
    """How far a network of random weights sees two graphs apart, labeled by tuples of a length."""
    if length == 0:
        graphs = [Data(torch.ones(g.num_nodes, 1), g.edge_index) for g in (one, two)]
    else:
        graphs = [LabelTuples(length=length)(g) for g in (one, two)]
    batch = Batch.from_data_list(graphs)
    batch.x = batch.x.double()
    y = Network(max(length, 1)).double()(batch).detach()
    return float((y[0] - y[1]).norm() / y[0].norm())


@pytest.mark.parametrize(
    ("one", "two", "length"), [(RING, TRIANGLES, 1), (RING, TRIANGLES, 2), (ROOK, SHRIKHANDE, 2)]
)
def test_told_apart(one: Data, two: Data, length: int) -> None:
    assert distance(one, two, length) > 1e-7


@pytest.mark.parametrize(
    ("one", "two", "length"), [(RING, TRIANGLES, 0), (ROOK, SHRIKHANDE, 0), (ROOK, SHRIKHANDE, 1)]
)
def test_not_told_apart(one: Data, two: Data, length: int) -> None:
    assert not nx.is_isomorphic(*(nx.Graph(g.edge_index.t().tolist()) for g in (one, two)))
    assert distance(one, two, length) < 1e-12


@pytest.mark.parametrize("length", [1, 2])
def test_numbering_of_the_nodes_does_not_matter(length: int) -> None:
    graph, order = plain(nx.barbell_graph(3, 2)), torch.randperm(8)
    other = Data(edge_index=order[graph.edge_index], num_nodes=8)
    assert distance(graph, other, length) < 1e-12


def attributed() -> Data:
    """A path of three nodes with every kind of attribute."""
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    return Data(
        torch.arange(3.0), edges, torch.arange(4.0), y=torch.tensor([7]), pos=torch.randn(3, 2), name="path"
    )


@pytest.mark.parametrize("length", [1, 2])
def test_what_the_copies_hold(length: int) -> None:
    data = attributed()
    out = LabelTuples(length=length)(data)
    copies = 3 if length == 1 else 6
    assert isinstance(out, LabeledData)
    assert (out.num_parts, out.num_nodes, out.num_edges, out.name) == (copies, 3 * copies, 4 * copies, "path")
    assert out.y.tolist() == [7]
    for copy in range(copies):
        mine = (out.part == copy).nonzero().view(-1)
        assert out.x[mine, 0].tolist() == [0.0, 1.0, 2.0]
        assert torch.equal(out.pos[mine], data.pos)
        inside = out.part[out.edge_index[0]] == copy
        assert torch.equal(out.edge_index[:, inside] - mine[0], data.edge_index)
        assert torch.equal(out.edge_attr[inside], data.edge_attr)
        assert out.x[mine, 1:].sum(0).tolist() == [1.0] * length
    tuples = {tuple(out.x[out.part == copy, 1:].argmax(0).tolist()) for copy in range(copies)}
    assert len(tuples) == copies
    assert data.num_nodes == 3  # as it was


def test_a_batch_numbers_parts_on_and_takes_graphs_without_a_tuple() -> None:
    graphs = [attributed(), Data(torch.ones(1), torch.zeros(2, 0, dtype=torch.long)), attributed()]
    for data in graphs:
        data.name = data.pos = data.y = data.edge_attr = None
    batch = Batch.from_data_list([LabelTuples(length=2)(g) for g in graphs])
    assert batch.part.tolist() == torch.arange(12).repeat_interleave(3).tolist()
    assert batch.num_parts.tolist() == [6, 0, 6]
    readout = Nested(SumAggregation(), MeanAggregation())
    y = readout(batch.x, batch.batch, dim_size=3, part=batch.part, num_parts=12)
    assert y.tolist() == [[3.0, 1.0, 1.0], [0.0, 0.0, 0.0], [3.0, 1.0, 1.0]]


def test_labels_in_an_attribute_of_their_own() -> None:
    out = LabelTuples(attr_name="label")(attributed())
    assert torch.equal(out.x, torch.arange(3.0).repeat(3))
    assert torch.equal(out.label, torch.eye(3).view(9, 1))


def test_samples_are_drawn_anew_unless_seeded() -> None:
    graph = plain(nx.cycle_graph(30))
    drawn = [LabelTuples(samples=4)(graph).x for _ in range(2)]
    assert [len(x) for x in drawn] == [120, 120]
    assert not torch.equal(*drawn)
    same = [LabelTuples(samples=4, seed=3)(graph).x for _ in range(2)]
    assert torch.equal(*same)


def test_the_mean_of_samples_estimates_the_mean() -> None:
    graph, readout = plain(nx.star_graph(4)), Nested(SumAggregation(), MeanAggregation())

    def pooled(transform: LabelTuples) -> float:
        data = transform(graph)
        near = torch.zeros_like(data.x).index_add(0, data.edge_index[1], data.x[data.edge_index[0]])
        return float(readout(near, part=data.part))

    assert pooled(LabelTuples()) == pytest.approx((4 + 4 * 1) / 5)
    assert pooled(LabelTuples(samples=4000, seed=0)) == pytest.approx((4 + 4 * 1) / 5, abs=0.1)


@pytest.mark.parametrize(
    ("options", "words"), [({"length": 3}, "length=3 must be 1 or 2"), ({"samples": 0}, "samples=0 must be")]
)
def test_bad_options_are_refused_by_name(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LabelTuples(**options)
