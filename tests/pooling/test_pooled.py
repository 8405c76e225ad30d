"""The record and the contract, by poolings small enough to check by eye."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, both_ways
from torch import Tensor

import gpool
from gpool.interop import as_tgp
from gpool.pooling import Pooled, Pooling

C = 4
POOLINGS = {
    "sparse": lambda: gpool.SparseCoarsening(C, ratio=0.6),
    "parsing": lambda: gpool.GraphParsing(C, self_loops=True),
    "matching": lambda: gpool.EdgeContraction(C),
    "components": lambda: gpool.EdgeContraction(C, "components", contract=0.3),
}
every = pytest.mark.parametrize("name", POOLINGS)


def pool(name: str) -> Pooling:
    return POOLINGS[name]().double().eval()


@every
@settings(max_examples=25, deadline=None)
@given(graph=batches(loops=True, parallel=True), seed=st.integers(0, 99))
def test_two_levels_are_one(name: str, graph: Batch, seed: int) -> None:
    torch.manual_seed(seed)
    attr = torch.randn(graph.edge_index.size(1), dtype=torch.float64)
    one = pool(name)(graph.x, graph.edge_index, attr, graph.batch, graph.batch_size)
    two = pool(name)(one.x, one.edge_index, one.edge_attr, one.batch, one.batch_size)
    both = one.compose(two)
    assert both.x is two.x
    for n, c in enumerate(both.cluster.tolist()):
        first = int(one.cluster[n])
        assert c == (-1 if first < 0 else int(two.cluster[first]))
    torch.testing.assert_close(both.lift(two.x), one.lift(two.lift(two.x)))
    for e in range(two.edge_index.size(1)):
        behind = both.edges_behind(e)
        ends = both.cluster[graph.edge_index[:, behind]]
        assert torch.equal(ends, two.edge_index[:, e : e + 1].expand_as(ends))
        assert behind.numel() > 0
        assert both.edge_attr is not None
        torch.testing.assert_close(both.edge_attr[e], attr[behind].sum())
    for k in range(two.num_nodes):
        assert both.nodes_behind(k).numel() == int(both.cluster_size[k]) > 0


@every
@settings(max_examples=20, deadline=None)
@given(graph=batches(loops=True, parallel=True), seed=st.integers(0, 99))
def test_no_graph_depends_on_another(name: str, graph: Batch, seed: int) -> None:
    torch.manual_seed(seed)
    layer = pool(name)
    out = layer(*graph.args)
    assert bool((graph.batch[out.cluster >= 0] == out.batch[out.cluster[out.cluster >= 0]]).all())
    for g in range(graph.batch_size):
        alone = layer(*graph.alone(g))
        node = (graph.batch == g).nonzero().view(-1)
        torch.testing.assert_close(alone.lift(alone.x), out.lift(out.x)[node])
        assert alone.num_nodes == int((out.batch == g).sum())
        assert alone.edge_index.size(1) == int((out.batch[out.edge_index[0]] == g).sum())


@every
def test_gradient_through_everything(name: str) -> None:
    edges = both_ways([(0, 1), (1, 2), (2, 3), (0, 3), (4, 5)])
    layer = pool(name)
    x = torch.randn(7, C, dtype=torch.float64, requires_grad=True)
    attr = torch.randn(10, 2, dtype=torch.float64, requires_grad=True)
    batch = torch.tensor([0, 0, 0, 0, 1, 1, 2])

    def run(x: Tensor, attr: Tensor) -> tuple[Tensor, ...]:
        out = layer(x, edges, attr, batch, 4)
        assert out.edge_attr is not None
        return out.x, out.edge_attr

    assert torch.autograd.gradcheck(run, (x, attr))
    layer(x, edges, attr, batch, 4).x.pow(2).sum().backward()
    assert all(
        p.grad is not None and bool((p.grad != 0).any())
        for n, p in layer.named_parameters()
        if "bias" not in n
    )


@every
def test_records_for_others(name: str) -> None:
    graph = both_ways([(0, 1), (1, 2), (2, 3), (0, 3), (4, 5)])
    out = pool(name)(torch.randn(7, C, dtype=torch.float64), graph, torch.rand(10, dtype=torch.float64))
    data = out.to_data()
    assert data.x is out.x
    assert data.edge_index is out.edge_index
    assert data.batch is out.batch
    assert data.edge_attr is out.edge_attr
    assert data.num_graphs == out.batch_size
    data.validate()
    select, connect = out.as_pyg()
    assert select.num_nodes == 7
    assert select.num_clusters == out.num_nodes
    assert torch.equal(out.cluster[select.node_index], select.cluster_index)
    assert select.node_index.numel() == int((out.cluster >= 0).sum())
    assert connect.batch is out.batch


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sparse", "SparseCoarsening(4, ratio=0.6)"),
        ("matching", "EdgeContraction(4, merge=matching, contract=1.0)"),
        ("components", "EdgeContraction(4, merge=components, contract=0.3)"),
        (
            "parsing",
            "GraphParsing(4, ties=lowest_id, stop=graph, gate=sum, weighted=False, reduce=sum, "
            "self_loops=True, edge_dropout=0.0)",
        ),
    ],
)
def test_repr_tells_the_options(name: str, told: str) -> None:
    assert repr(POOLINGS[name]()) == told


def test_torch_geometric_pool_record() -> None:
    pytest.importorskip("tgp.src")
    out = pool("parsing")(torch.randn(5, C, dtype=torch.float64), both_ways([(0, 1), (1, 2), (3, 4)]))
    theirs = as_tgp(out)
    assert torch.equal(theirs.so.cluster_index, out.cluster)
    assert theirs.so.num_supernodes == out.num_nodes
    assert theirs.x is out.x


def test_frozen() -> None:
    out = pool("sparse")(torch.randn(3, C, dtype=torch.float64), both_ways([(0, 1)]))
    with pytest.raises(FrozenInstanceError):
        out.x = out.x  # type: ignore[misc]
    with pytest.raises(ValueError, match="one row for each of the 2 pooled nodes"):
        out.lift(torch.zeros(3, C))
    with pytest.raises(ValueError, match="above pooled a graph of 3 nodes"):
        out.compose(out)


def test_losses_add_up() -> None:
    one = pool("sparse")(torch.randn(3, C, dtype=torch.float64), both_ways([(0, 1)]))
    two = pool("sparse")(one.x, one.edge_index)
    from dataclasses import replace

    assert one.compose(two).aux_loss is None
    lost = replace(one, aux_loss=torch.tensor(2.0)).compose(replace(two, aux_loss=torch.tensor(0.5)))
    assert lost.aux_loss == 2.5


GOOD: dict[str, Any] = {
    "x": torch.zeros(3, C),
    "edge_index": torch.tensor([[0, 1], [1, 0]]),
    "edge_attr": torch.zeros(2),
    "batch": torch.tensor([0, 0, 1]),
    "batch_size": 2,
}


@every
@pytest.mark.parametrize(
    ("argument", "value", "right"),
    [
        ("x", torch.zeros(3, C + 1), r"\[N, 4\]"),
        ("x", torch.zeros(3), r"\[N, 4\]"),
        ("x", torch.zeros(3, C, dtype=torch.long), "floating point"),
        ("edge_index", torch.zeros(2, 2), "int64"),
        ("edge_index", torch.zeros(3, 2, dtype=torch.long), r"\[2, E\]"),
        ("edge_attr", torch.zeros(5), "E=2 edges"),
        ("edge_attr", torch.zeros(2, 1, 1), "E=2 edges"),
        ("batch", torch.zeros(2, dtype=torch.long), "N=3 nodes"),
        ("batch", torch.zeros(3), "int64"),
        ("batch", torch.tensor([0, 0, 2]), r"0 to 2; it must lie in 0 .. 1, where batch_size=2"),
        ("batch", torch.tensor([0, -1, 1]), "-1 to 1; it must lie in 0 .. 1"),
        ("batch_size", -1, "negative"),
        ("batch_size", 1, "=1"),
        ("batch_size", 2.5, "integer"),
        ("edge_index", torch.tensor([[0, 3], [1, 0]]), "0 to 3; it must lie in 0 .. 2"),
        ("edge_index", torch.tensor([[0, -1], [1, 0]]), "-1 to 1; it must lie in 0 .. 2"),
    ],
)
def test_wrong_arguments_are_named(name: str, argument: str, value: Any, right: str) -> None:
    layer = POOLINGS[name]()
    assert isinstance(layer(**GOOD), Pooled)
    with pytest.raises((ValueError, TypeError, IndexError), match=f"{argument}.*{right}"):
        layer(**{**GOOD, argument: value})


@every
def test_int32_graphs_are_graphs(name: str) -> None:
    torch.manual_seed(0)
    layer = POOLINGS[name]()
    x = torch.randn(3, C)
    long, short = (layer(**{**GOOD, "x": x, "batch": GOOD["batch"].to(t)}) for t in (torch.long, torch.int32))
    assert torch.equal(long.x, short.x)
    assert torch.equal(long.batch, short.batch)


@every
def test_channels_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match="channels=0"):
        type(POOLINGS[name]())(0)


@every
def test_sizes_are_read_where_not_given(name: str) -> None:
    layer = POOLINGS[name]()
    assert layer(GOOD["x"], GOOD["edge_index"], None, GOOD["batch"]).batch_size == 2
    assert layer(GOOD["x"], GOOD["edge_index"]).batch_size == 1
    layer.reset_parameters()
