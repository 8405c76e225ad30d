"""Edge contraction against the sequential pass and PyG's layer."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, both_ways, partition
from torch_geometric.nn import EdgePooling

import gpool

C = 4


def layer(merge: Any = "matching", **options: Any) -> gpool.EdgeContraction:
    return gpool.EdgeContraction(C, merge=merge, **options).double()


@settings(max_examples=40, deadline=None)
@given(batches(), st.sampled_from(["softmax", "tanh", "sigmoid"]), st.integers(0, 99))
def test_equals_pygs_loop(graph: Batch, score: Any, seed: int) -> None:
    if graph.x.size(0) == 0:
        return
    torch.manual_seed(seed)
    ours = layer(score=score)
    value = ours._score(graph.x, *graph.edge_index)[0].sort().values
    assume(not bool((value.diff() < 1e-9).any()))  # PyG's order of equal scores is arbitrary
    peer = EdgePooling(C, getattr(EdgePooling, f"compute_edge_score_{score}")).double()
    peer.lin.load_state_dict(ours.scorer.lin.state_dict())
    out = ours(*graph.args)
    x, edge_index, _, info = peer(graph.x, graph.edge_index, graph.batch)
    assert partition(out.cluster) == partition(info.cluster)
    torch.testing.assert_close(out.lift(out.x), x[info.cluster])
    to = torch.empty(out.num_nodes, dtype=torch.long)
    to[out.cluster] = info.cluster
    pairs = set(map(tuple, edge_index.t().tolist()))
    assert set(map(tuple, to[out.edge_index].t().tolist())) == {(a, b) for a, b in pairs if a != b}


@settings(max_examples=40, deadline=None)
@given(batches(parallel=True, loops=True), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(0, 99))
def test_components_of_the_best_edges(graph: Batch, contract: float, seed: int) -> None:
    torch.manual_seed(seed)
    pool = layer("components", contract=contract, score="sigmoid", add_to_score=0.0)
    out = pool(*graph.args)
    score = pool.scorer(graph.x, *graph.edge_index).sigmoid().detach()
    chosen: list[int] = []
    for g in range(graph.batch_size):
        mine = [e for e in graph.edges_of(g).tolist() if graph.edge_index[0, e] != graph.edge_index[1, e]]
        count = -int(-contract * len(mine) // 1)
        chosen += sorted(mine, key=lambda e: (-float(score[e]), e))[:count]
    merged = nx.Graph(graph.edge_index[:, chosen].t().tolist())
    merged.add_nodes_from(range(graph.x.size(0)))
    assert partition(out.cluster) == {frozenset(c) for c in nx.connected_components(merged)}
    for k in range(out.num_nodes):
        inside = [e for e in chosen if out.cluster[graph.edge_index[0, e]] == k]
        gate = score[inside].mean() if inside else torch.ones((), dtype=torch.float64)
        torch.testing.assert_close(out.x[k], gate * graph.x[out.nodes_behind(k)].sum(0))


def test_nothing_contracted_is_the_graph_itself() -> None:
    x, edges = torch.randn(4, C, dtype=torch.float64), both_ways([(0, 1), (1, 2)])
    for merge in "matching", "components":
        for options in {"contract": 0.0}, {"threshold": 9.0}:
            out = layer(merge, **options)(x, edges)
            assert torch.equal(out.x, x)
            assert sorted(out.edge_index.t().tolist()) == sorted(edges.t().tolist())


def test_threshold_and_gate() -> None:
    x = torch.zeros(4, C, dtype=torch.float64)
    x[:, 0] = torch.tensor([2.0, 1.0, -3.0, -4.0])
    pool = layer(score="sigmoid", add_to_score=0.0, threshold=0.5)
    pool.scorer.lin.weight.data.zero_()
    pool.scorer.lin.bias.data.zero_()
    pool.scorer.lin.weight.data[0, 0] = pool.scorer.lin.weight.data[0, C] = 1.0
    edges = both_ways([(0, 1), (1, 2), (2, 3)])
    assert partition(pool(x, edges).cluster) == {frozenset({0, 1}), frozenset({2}), frozenset({3})}
    out = layer(gate=False)(x, edges)
    torch.testing.assert_close(out.x[out.cluster[0]], x[out.nodes_behind(int(out.cluster[0]))].sum(0))


def test_directed_edges_and_ties() -> None:
    x = torch.ones(4, C, dtype=torch.float64)
    out = layer(score="sigmoid")(x, torch.tensor([[0, 1, 2], [1, 2, 3]]))  # all tied: by position
    assert partition(out.cluster) == {frozenset({0, 1}), frozenset({2, 3})}
    assert out.edge_index.t().tolist() == [[0, 1]]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("merge", ["matching", "components"])
def test_low_precision(merge: Any, dtype: torch.dtype) -> None:
    pool = gpool.EdgeContraction(C, merge=merge).to(dtype)
    out = pool(torch.randn(6, C).to(dtype), both_ways([(0, 1), (1, 2), (3, 4)]))
    assert out.x.dtype == dtype
    out.x.float().pow(2).sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in pool.parameters())


def test_autocast() -> None:
    pool = gpool.EdgeContraction(C)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pool(torch.randn(6, C), both_ways([(0, 1), (1, 2), (3, 4)])).x.sum().backward()


@pytest.mark.parametrize(
    ("name", "value"), [("merge", "best"), ("score", "relu"), ("contract", 1.5), ("reduce", "prod")]
)
def test_bad_options_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        gpool.EdgeContraction(C, **{name: value})


@pytest.mark.parametrize("score", ["softmax", "tanh", "sigmoid"])
def test_self_loops_change_nothing(score: Any) -> None:
    edges, x = both_ways([(0, 1), (1, 2), (3, 4)]), torch.randn(6, C, dtype=torch.float64)
    loops = torch.cat([edges, torch.tensor([[0, 2, 5], [0, 2, 5]])], dim=1)
    ours = layer(score=score)
    without, with_loops = ours(x, edges), ours(x, loops)
    assert torch.equal(without.cluster, with_loops.cluster)
    torch.testing.assert_close(without.score, with_loops.score)
    torch.testing.assert_close(without.x, with_loops.x)
    with_loops.x.sum().backward()
    assert all(p.grad.isfinite().all() for p in ours.parameters())
