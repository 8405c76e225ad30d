"""Top-k coarsening: golden cases, the properties of the specification, PyG's layer where they coincide."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, both_ways
from torch import Tensor
from torch_geometric.nn import TopKPooling

import gpool

C = 4


def layer(**options: Any) -> gpool.SparseCoarsening:
    return gpool.SparseCoarsening(C, **options).double()


def loop(pool: gpool.SparseCoarsening, graph: Batch, share: float) -> tuple[list[int], list[float]]:
    """Kept node ids graph by graph, best first, and every node's score."""
    p = pool.weight.tolist()
    norm = sum(v * v for v in p) ** 0.5
    score = [sum(a * b for a, b in zip(row, p, strict=True)) / norm for row in graph.x.tolist()]
    kept: list[int] = []
    for g in range(graph.batch_size):
        nodes = (graph.batch == g).nonzero().view(-1).tolist()
        kept += sorted(nodes, key=lambda n: (-score[n], n))[: ceil(share * len(nodes) - 1e-9)]
    return kept, score


@settings(max_examples=50, deadline=None)
@given(batches(loops=True, parallel=True), st.sampled_from([0.2, 0.5, 0.8, 1.0]), st.integers(0, 99))
def test_equals_the_loop(graph: Batch, ratio: float, seed: int) -> None:
    torch.manual_seed(seed)
    pool = layer(ratio=ratio)
    attr = torch.randn(graph.edge_index.size(1), 2)
    out = pool(graph.x, graph.edge_index, attr, graph.batch, graph.batch_size)
    kept, score = loop(pool, graph, ratio)
    assert out.num_nodes == len(kept)
    assert out.batch.tolist() == graph.batch[kept].tolist()
    assert [out.nodes_behind(k).tolist() for k in range(len(kept))] == [[n] for n in kept]
    gate = torch.tensor([score[n] for n in kept], dtype=torch.float64).tanh()
    assert out.score is not None
    torch.testing.assert_close(out.score, gate)
    torch.testing.assert_close(out.x, graph.x[kept] * gate.view(-1, 1))
    place = {n: i for i, n in enumerate(kept)}
    edges = [(e, u, v) for e, (u, v) in enumerate(graph.edge_index.t().tolist()) if u in place and v in place]
    assert out.edge_index.t().tolist() == [[place[u], place[v]] for _, u, v in edges]
    assert out.edge_attr is not None
    assert torch.equal(out.edge_attr, attr[[e for e, _, _ in edges]])
    for i, (e, _, _) in enumerate(edges):
        assert out.edges_behind(i).tolist() == [e]
    lifted = out.lift(out.x)
    dropped = [n for n in range(graph.x.size(0)) if n not in place]
    assert bool((lifted[dropped] == 0).all())
    torch.testing.assert_close(lifted[kept], out.x)


def test_golden_cases(golden: Callable[[str], Any]) -> None:
    file = golden("sparse_hierarchical_topk.json")
    for case in file["cases"]:
        pool = gpool.SparseCoarsening(len(file["p"]), ratio=case["ratio"]).double()
        pool.weight.data = torch.tensor(file["p"], dtype=torch.float64)
        xs = [torch.tensor(g["x"], dtype=torch.float64) for g in case["graphs"]]
        sizes = torch.tensor([x.size(0) for x in xs])
        start = sizes.cumsum(0) - sizes
        edges = [
            torch.tensor(g["edge_index"], dtype=torch.long).view(2, -1) + s
            for g, s in zip(case["graphs"], start, strict=True)
        ]
        batch = torch.repeat_interleave(torch.arange(len(xs)), sizes)
        out = pool(torch.cat(xs), torch.cat(edges, 1), None, batch, len(xs))
        at = 0
        for g, graph in enumerate(case["graphs"]):
            mine = (out.batch == g).nonzero().view(-1)
            node = [int(out.nodes_behind(int(k))) - int(start[g]) for k in mine]
            assert node == graph["keep"]
            assert out.score is not None
            torch.testing.assert_close(out.score[mine].tolist(), graph["gate"], rtol=1e-9, atol=1e-10)
            torch.testing.assert_close(out.x[mine].tolist(), graph["x_pooled"], rtol=1e-9, atol=1e-10)
            inside = out.batch[out.edge_index[0]] == g
            assert sorted((out.edge_index[:, inside] - at).t().tolist()) == graph["edges_pooled"]
            at += len(node)
    for case in file["ceil"]:
        pool = gpool.SparseCoarsening(C, ratio=case["ratio"])
        assert pool(torch.randn(case["n"], C), torch.zeros(2, 0, dtype=torch.long)).num_nodes == case["k"]
    tie = file["tie"]
    pool = gpool.SparseCoarsening(2, ratio=tie["ratio"])
    pool.weight.data = torch.tensor(tie["p"])
    out = pool(torch.tensor(tie["x"]), torch.zeros(2, 0, dtype=torch.long))
    assert [int(out.nodes_behind(k)) for k in range(out.num_nodes)] == tie["keep"]


@settings(max_examples=30, deadline=None)
@given(batches(interleaved=False), st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 99))
def test_equals_pyg_below_one(graph: Batch, ratio: float, seed: int) -> None:
    if graph.x.size(0) == 0:
        return
    torch.manual_seed(seed)
    pool, peer = layer(ratio=ratio), TopKPooling(C, ratio=ratio).double()
    pool.weight.data = peer.select.weight.data.view(-1)
    out = pool(*graph.args)
    x, edge_index, _, batch, perm, score = peer(graph.x, graph.edge_index, batch=graph.batch)
    torch.testing.assert_close(out.x, x)
    torch.testing.assert_close(out.score, score)
    assert torch.equal(out.batch, batch)
    assert sorted(out.edge_index.t().tolist()) == sorted(edge_index.t().tolist())
    select, connect = out.as_pyg()
    assert torch.equal(select.node_index, perm)
    assert torch.equal(select.cluster_index, torch.arange(perm.numel()))
    assert connect.edge_index is out.edge_index


@settings(max_examples=30, deadline=None)
@given(batches(), st.integers(0, 99))
def test_renumbering_and_batching_change_nothing(graph: Batch, seed: int) -> None:
    torch.manual_seed(seed)
    pool = layer(ratio=0.6)
    one = pool(*graph.args)
    order = torch.randperm(graph.x.size(0))
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    two = pool(graph.x[order], place[graph.edge_index], None, graph.batch[order], graph.batch_size)
    torch.testing.assert_close(one.lift(one.x), two.lift(two.x)[place])
    for g in range(graph.batch_size):
        alone = pool(*graph.alone(g))
        torch.testing.assert_close(one.lift(one.x)[graph.batch == g], alone.lift(alone.x))


def test_keeping_all_with_saturated_gates_only_reorders() -> None:
    x = torch.rand(9, C, dtype=torch.float64) + 1
    pool = layer(ratio=1.0)
    pool.weight.data.fill_(1.0)
    out = pool(40 * x, both_ways([(0, 8), (3, 4)]))
    assert out.num_nodes == 9
    torch.testing.assert_close(out.lift(out.x), 40 * x, rtol=1e-12, atol=0)
    assert out.score is not None
    order = [int(out.nodes_behind(k)) for k in range(9)]
    assert order == x.sum(1).argsort(descending=True).tolist()  # though every gate is exactly one
    assert bool((out.score == 1).all())


def test_scale_of_the_direction_and_its_sign() -> None:
    x = torch.randn(11, C, dtype=torch.float64)
    edges = both_ways([(0, 1), (5, 6), (1, 5)])
    pool = layer(ratio=0.5)
    one = pool(x, edges)
    pool.weight.data *= 7.5
    two = pool(x, edges)
    torch.testing.assert_close(one.x, two.x)
    pool.weight.data *= -1
    flipped = pool(x, edges)
    worst = (x @ -pool.weight).argsort()[:6].tolist()
    assert sorted(int(flipped.nodes_behind(k)) for k in range(6)) == sorted(worst)
    assert one.score is not None
    assert flipped.score is not None
    shared = (one.cluster >= 0) & (flipped.cluster >= 0)
    torch.testing.assert_close(one.score[one.cluster[shared]], -flipped.score[flipped.cluster[shared]])


def test_a_zero_direction_is_guarded() -> None:
    pool = layer(ratio=0.5)
    pool.weight.data.zero_()
    out = pool(torch.randn(4, C, dtype=torch.float64), both_ways([(0, 1)]))
    assert [int(out.nodes_behind(k)) for k in range(2)] == [0, 1]  # all tied: by id
    out.x.sum().backward()
    assert bool(out.x.isfinite().all())


def test_gradients() -> None:
    pool = layer(ratio=0.5)
    edges = both_ways([(0, 1), (1, 2)])
    x = torch.randn(5, C, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, weight: Tensor) -> Tensor:
        return torch.func.functional_call(pool, {"weight": weight}, (x, edges)).x

    assert torch.autograd.gradcheck(run, (x, pool.weight))
    out = pool(x, edges)
    out.x.sum().backward()
    assert x.grad is not None
    assert bool((x.grad[out.cluster < 0] == 0).all())
    assert bool((x.grad[out.cluster >= 0] != 0).any())
    assert pool.weight.grad is not None
    assert bool((pool.weight.grad != 0).any())


@pytest.mark.parametrize("graphs", [0, 1, 3])
def test_nothing_in_nothing_out(graphs: int) -> None:
    none = torch.zeros(0, dtype=torch.long)
    out = layer()(torch.zeros(0, C, dtype=torch.float64), none.view(2, 0), None, none, graphs)
    assert out.x.shape == (0, C)
    assert out.batch_size == graphs


def test_directed_edges_keep_their_direction() -> None:
    out = layer(ratio=1.0)(torch.randn(3, C, dtype=torch.float64), torch.tensor([[0, 1], [1, 2]]))
    pairs = {tuple(out.cluster[[u, v]].tolist()) for u, v in ((0, 1), (1, 2))}
    assert set(map(tuple, out.edge_index.t().tolist())) == pairs


def test_ratio_of_any_kind() -> None:
    x, none = torch.randn(7, C, dtype=torch.float64), torch.zeros(2, 0, dtype=torch.long)
    assert layer(ratio=1.0)(x, none).num_nodes == 7
    assert layer(ratio=1)(x, none).num_nodes == 1
    assert layer(ratio=50)(x, none).num_nodes == 7
    with pytest.raises(ValueError, match="ratio"):
        layer(ratio=1.2)
    with pytest.raises(ValueError, match="eps"):
        layer(eps=0.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_low_precision(dtype: torch.dtype) -> None:
    pool = gpool.SparseCoarsening(C).to(dtype)
    out = pool(torch.randn(6, C).to(dtype), both_ways([(0, 1), (1, 2), (3, 4)]))
    assert out.x.dtype == dtype
    out.x.float().pow(2).sum().backward()
    assert pool.weight.grad is not None
    assert bool(pool.weight.grad.isfinite().all())


def test_autocast_and_repeatable() -> None:
    pool = gpool.SparseCoarsening(C)
    x, edges = torch.randn(6, C), both_ways([(0, 1), (1, 2), (3, 4)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        one, two = pool(x, edges), pool(x, edges)
    assert torch.equal(one.x, two.x)
    one.x.sum().backward()
    assert pool.weight.grad is not None


class Level(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = torch.nn.Linear(C, C)
        self.one = gpool.SparseCoarsening(C, ratio=0.8)
        self.two = gpool.SparseCoarsening(C, ratio=0.5)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor, batch_size: int) -> Tensor:
        first = self.one(self.lin(x).relu(), edge_index, None, batch, batch_size)
        second = self.two(first.x, first.edge_index, None, first.batch, batch_size)
        total = x.new_zeros(batch_size, C).index_add(0, second.batch, second.x)
        return total + first.compose(second).lift(second.x).sum()


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_in_one_graph(backend: str) -> None:
    model = Level()
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    for nodes in 12, 17, 30:
        x = torch.randn(nodes, C)
        batch = torch.randint(3, (nodes,)).sort().values
        edges = both_ways([(i, i + 1) for i in range(0, nodes - 1, 2)])
        expected, actual = model(x, edges, batch, 3), compiled(x, edges, batch, 3)
        torch.testing.assert_close(actual, expected)
        expected_grad = torch.autograd.grad(expected.sum(), list(model.parameters()))
        torch.testing.assert_close(torch.autograd.grad(actual.sum(), list(model.parameters())), expected_grad)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_zero_direction_in_half_precision(dtype: torch.dtype) -> None:
    layer = gpool.SparseCoarsening(C).to(dtype)
    torch.nn.init.zeros_(layer.weight)
    out = layer(torch.randn(4, C, dtype=dtype), both_ways([(0, 1), (2, 3)]))
    assert out.x.isfinite().all()


@pytest.mark.parametrize("ratio", [0.3, 0.5, 1 / 3, 1.0, 2])
def test_any_ratio_compiles_for_any_number_of_nodes(ratio: float) -> None:
    class Both(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (
                gpool.SparseCoarsening(4, ratio=ratio),
                gpool.SparseCoarsening(4, ratio=ratio),
            )

        def forward(self, x: torch.Tensor, edge_index: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
            level = self.first(x, edge_index, batch=batch, batch_size=3)
            return self.second(level.x, level.edge_index, batch=level.batch, batch_size=3).x

    torch.compiler.reset()
    model = Both()
    compiled = torch.compile(model, backend="aot_eager", dynamic=True, fullgraph=True)
    for nodes in (9, 14):
        path = torch.arange(nodes - 3)
        graph = torch.randn(nodes, 4), torch.stack([path, path + 3]), torch.arange(nodes) % 3
        torch.testing.assert_close(compiled(*graph), model(*graph))


def budget_loop(score: Tensor, kept: int) -> Tensor:
    """Gates of one graph that add up to ``kept``, by bisection."""
    low, high = -100.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if float((score + middle).sigmoid().sum()) < kept else (low, middle)
    return (score + middle).sigmoid()


@settings(max_examples=30, deadline=None)
@given(batches(), st.sampled_from([0.2, 0.5, 1.0]), st.integers(0, 99))
def test_a_budget_keeps_the_same_nodes_and_gates_them_by_the_budget(
    graph: Batch, ratio: float, seed: int
) -> None:
    torch.manual_seed(seed)
    pool = layer(ratio=ratio, select="budget")
    out = pool(*graph.args)
    kept, score = loop(pool, graph, ratio)
    assert torch.equal(out.cluster[kept], torch.arange(len(kept)))
    assert out.num_nodes == len(kept)
    for g in range(graph.batch_size):
        mine = (graph.batch == g).nonzero().view(-1)
        count = int((out.batch == g).sum())
        full = count == mine.numel()  # then the loop's bias would have to be infinite
        gate = torch.tensor([score[n] for n in mine], dtype=torch.float64)
        gate = torch.ones_like(gate) if full else budget_loop(gate, count)
        node = torch.tensor(kept, dtype=torch.long)[out.batch == g]
        at = torch.searchsorted(mine, node)
        torch.testing.assert_close(out.score[out.batch == g], gate[at], rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(out.x, graph.x[kept] * out.score.view(-1, 1))


def test_a_budget_reaches_the_nodes_that_it_drops() -> None:
    x = torch.randn(6, C, dtype=torch.float64, requires_grad=True)
    pool = layer(ratio=0.5, select="budget")
    out = pool(x, both_ways([(0, 1)]))
    out.x.square().sum().backward()
    assert bool((x.grad[out.cluster < 0] != 0).any())

    def run(x: Tensor, weight: Tensor) -> Tensor:
        return torch.func.functional_call(pool, {"weight": weight}, (x, both_ways([(0, 1)]))).x

    assert torch.autograd.gradcheck(run, (x, pool.weight))


def test_a_selector_that_is_unknown_or_contradicted_is_refused() -> None:
    with pytest.raises(ValueError, match="select='soft' must be 'top' or 'budget'"):
        layer(select="soft")
    with pytest.raises(ValueError, match="nonlinearity is given; with select='budget'"):
        layer(select="budget", nonlinearity=torch.sigmoid)
