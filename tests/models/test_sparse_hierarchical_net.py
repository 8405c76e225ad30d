"""The sparse hierarchical classifier: golden convolutions, the net from PyG's parts, compilation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, both_ways
from torch import Tensor
from torch_geometric.nn import ClusterGCNConv, SAGEConv, TopKPooling
from torch_geometric.utils import add_remaining_self_loops

from gpool.models import ClosedMeanConv, SparseHierarchicalNet


def test_golden_convolutions(golden: Callable[[str], Any]) -> None:
    file = golden("sparse_hierarchical_conv.json")
    theta, root = (torch.tensor(file[k], dtype=torch.float64) for k in ("theta", "theta_root"))
    conv = ClosedMeanConv(*theta.shape).double()
    conv.around.weight.data, conv.own.weight.data = theta.t().contiguous(), root.t().contiguous()
    for case in file["cases"]:
        x = torch.tensor(case["x"], dtype=torch.float64)
        out = conv(x, torch.tensor(case["edge_index"], dtype=torch.long).view(2, -1))
        torch.testing.assert_close(out.tolist(), case["y_no_activation"], rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(out.relu().tolist(), case["y"], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("widths", [(4, 7), (4, 3)])
@settings(max_examples=25, deadline=None)
@given(graph=batches(loops=True, parallel=True), directed=st.booleans())
def test_convolution_equals_pygs(widths: tuple[int, int], graph: Batch, directed: bool) -> None:
    edges = graph.edge_index[:, ::2] if directed else graph.edge_index
    conv = ClosedMeanConv(*widths).double()
    sage = SAGEConv(*widths, aggr="mean", bias=False).double()
    cluster = ClusterGCNConv(*widths, diag_lambda=0.0, bias=False).double()
    for peer in (sage.lin_l, cluster.lin_out):
        peer.weight.data = conv.around.weight.data
    for peer in (sage.lin_r, cluster.lin_root):
        peer.weight.data = conv.own.weight.data
    looped, _ = add_remaining_self_loops(edges[:, edges[0] != edges[1]], num_nodes=graph.x.size(0))
    expected = sage(graph.x, looped)
    torch.testing.assert_close(conv(graph.x, edges), expected)
    if graph.x.size(0):
        torch.testing.assert_close(
            cluster(graph.x, looped[:, looped[0] != looped[1]]), expected, rtol=1e-6, atol=1e-7
        )


def test_isolated_node() -> None:
    conv = ClosedMeanConv(3, 2)
    x = torch.randn(1, 3)
    torch.testing.assert_close(conv(x, torch.zeros(2, 0, dtype=torch.long)), conv.around(x) + conv.own(x))


@settings(max_examples=15, deadline=None)
@given(batches(interleaved=False), st.integers(0, 99))
def test_net_of_pygs_parts(graph: Batch, seed: int) -> None:
    torch.manual_seed(seed)
    net = SparseHierarchicalNet(4, hidden_channels=6, out_channels=3).double().eval()
    out = net(*graph.args)
    assert out.shape == (graph.batch_size, 3)
    for g in range(graph.batch_size):  # PyG's readouts would need every graph inhabited
        x, edge_index, _, batch, _ = graph.alone(g)
        total = torch.zeros(12, dtype=torch.float64)
        for conv, pool in zip(net.convs, net.pools, strict=True):
            if x.size(0) == 0:
                break
            sage = SAGEConv(x.size(1), 6, aggr="mean", bias=False).double()
            sage.lin_l.weight.data, sage.lin_r.weight.data = conv.around.weight.data, conv.own.weight.data
            peer = TopKPooling(6, ratio=0.8).double()
            peer.select.weight.data = pool.weight.data.view(1, -1)
            x = sage(x, add_remaining_self_loops(edge_index, num_nodes=x.size(0))[0]).relu()
            x, edge_index, _, batch, _, _ = peer(x, edge_index, batch=batch)
            total = total + torch.cat([x.mean(0), x.amax(0)])
        torch.testing.assert_close(out[g], net.head(total))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_in_one_graph(backend: str) -> None:
    net = SparseHierarchicalNet(4, hidden_channels=8, out_channels=3, embed=True)
    torch._dynamo.reset()
    compiled = torch.compile(net, fullgraph=True, backend=backend)
    for nodes in 12, 17, 30:
        x = torch.randn(nodes, 4)
        batch = torch.randint(3, (nodes,))
        edges = both_ways([(i, i + 1) for i in range(0, nodes - 1, 2)])
        expected, actual = net(x, edges, None, batch, 3), compiled(x, edges, None, batch, 3)
        torch.testing.assert_close(actual, expected)
        for p, q in zip(
            torch.autograd.grad(actual.sum(), list(net.parameters())),
            torch.autograd.grad(expected.sum(), list(net.parameters())),
            strict=True,
        ):
            torch.testing.assert_close(p, q)


def test_gradients_reach_every_parameter() -> None:
    net = SparseHierarchicalNet(4, hidden_channels=8, out_channels=3, embed=True, bias=True)
    edges = both_ways([(i, i + 1) for i in range(19)])
    out: Tensor = net(torch.randn(20, 4), edges, None, torch.arange(20) % 2)
    out.pow(2).sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())
    assert all(bool((pool.weight.grad != 0).any()) for pool in net.pools)


def test_levels_must_be_positive() -> None:
    with pytest.raises(ValueError, match="num_levels=0"):
        SparseHierarchicalNet(4, num_levels=0)
