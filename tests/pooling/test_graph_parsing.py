"""Graph parsing: the authors' partitions, and the properties the paper's construction has."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log2
from typing import Any

import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, both_ways, partition
from torch import Tensor, nn

import gpool
from gpool.pooling import Pooled

C = 4


class Given(nn.Module):
    """A scorer that reads its logits from a table: only their order and their sigmoid can matter."""

    def __init__(
        self, num_nodes: int, pairs: list[tuple[int, int]], logits: Tensor, own: Tensor | None = None
    ) -> None:
        super().__init__()
        self.num_nodes = num_nodes
        key = torch.tensor([min(p) * num_nodes + max(p) for p in pairs], dtype=torch.long)
        self.register_buffer("key", key)
        self.logits = nn.Parameter(logits)
        self.own = own

    def forward(self, h: Tensor, u: Tensor, v: Tensor) -> Tensor:
        if u.numel() > 0 and bool((u == v).all()):
            assert self.own is not None
            return self.own[u]
        key = torch.minimum(u, v) * self.num_nodes + torch.maximum(u, v)
        place = (key.view(-1, 1) == self.key.view(1, -1)).double()
        return (place / place.sum(1, keepdim=True)) @ self.logits


def layer(**options: Any) -> gpool.GraphParsing:
    return gpool.GraphParsing(C, **options).double().eval()


def distinct(graph: Batch, seed: int) -> Given:
    count = len(graph.undirected)
    logits = (
        torch.randperm(count, generator=torch.Generator().manual_seed(seed)).double() / max(count, 1) * 4 - 2
    )
    return Given(graph.x.size(0), graph.undirected, logits)


def check_partition(graph: Batch, out: Pooled) -> None:
    """Every node in one cluster, every cluster inhabited and inside one graph, batch and sizes consistent."""
    assert out.cluster.shape == graph.batch.shape
    assert sorted(set(out.cluster.tolist())) == list(range(out.num_nodes))
    assert out.batch_size == graph.batch_size
    assert torch.equal(out.lift(out.batch), graph.batch)
    assert torch.equal(out.cluster_size, torch.bincount(out.cluster, minlength=out.num_nodes))


# golden cases


def test_authors_partitions(golden: Callable[[str], Any]) -> None:
    checked = 0
    for case in golden("gpn_parse.json")["cases"]:
        if "TRAIN-MODE" in case["note"] or "parallel" in case["note"] or "directed" in case["note"]:
            continue  # the file marks these as quirks of the authors' code
        n, pairs = case["num_nodes"], [tuple(e) for e in case["undirected_edges"]]
        own = case["self_loop_scores"]
        scorer = Given(
            n,
            pairs,
            torch.tensor(case["edge_scores"], dtype=torch.float64).logit(),
            None if own is None else torch.tensor(own, dtype=torch.float64).logit(),
        )
        batch = torch.tensor(case["batch"])
        parse = layer(scorer=scorer, self_loops=own is not None, stop="batch")
        x = torch.randn(n, C, dtype=torch.float64)
        out = parse(x, both_ways(pairs), None, batch, int(batch.max()) + 1)

        name = torch.tensor(case["cluster"])
        first = torch.tensor([case["cluster"].index(c) for c in range(case["num_clusters"])])
        place = out.cluster[first]  # the file's clusters in ours
        assert torch.equal(place[name], out.cluster), case["note"]
        assert out.num_nodes == case["num_clusters"]
        renamed = torch.empty_like(place)
        renamed[place] = torch.arange(place.numel())
        assert sorted(map(tuple, renamed[out.edge_index].t().tolist())) == sorted(
            map(tuple, case["coarse_edges_directed"])
        )
        assert out.batch[place].tolist() == case["cluster_batch"]
        assert out.inside is not None
        assert out.inside[place].tolist() == case["num_inside_directed_edges"]
        assert (out.num_nodes != n) == case["size_changed"]
        bypass = torch.zeros(out.num_nodes, dtype=torch.bool)
        bypass[place[torch.tensor(case["single_node_graph_clusters"], dtype=torch.long)]] = True
        if out.num_nodes < n:
            gate = torch.tensor(case["gate"], dtype=torch.float64)
            assert out.score is not None
            torch.testing.assert_close(out.score[place], gate, atol=1e-6, rtol=0)
            copied = (out.x[out.cluster] == x).all(1)
            assert torch.equal(copied, bypass[out.cluster])
        else:
            assert torch.equal(out.x, x)
        checked += 1
    assert checked >= 12


# properties


@settings(max_examples=50, deadline=None)
@given(batches(loops=True, parallel=True), st.integers(0, 99), st.booleans())
def test_p1_p2_p7_the_coarse_graph(graph: Batch, seed: int, loops: bool) -> None:
    torch.manual_seed(seed)
    out = layer(self_loops=loops)(*graph.args)
    check_partition(graph, out)
    fine = nx.Graph(graph.undirected)
    fine.add_nodes_from(range(graph.x.size(0)))
    coarse = nx.Graph(out.edge_index.t().tolist())
    coarse.add_nodes_from(range(out.num_nodes))
    assert nx.number_connected_components(fine) == nx.number_connected_components(coarse)
    if not loops:
        isolated = nx.number_of_isolates(fine)
        assert out.num_nodes <= isolated + (graph.x.size(0) - isolated) // 2
    for members in partition(out.cluster):
        assert nx.is_connected(fine.subgraph(members))

    pairs = set(map(tuple, out.edge_index.t().tolist()))
    assert len(pairs) == out.edge_index.size(1)  # binary: no edge twice
    assert all((b, a) in pairs and a != b for a, b in pairs)
    joined = {(int(out.cluster[u]), int(out.cluster[v])) for u, v in graph.edge_index.t().tolist()}
    assert pairs == {(a, b) for a, b in joined if a != b}


@settings(max_examples=25, deadline=None)
@given(batches(max_nodes=30), st.integers(0, 99))
def test_p2_at_most_log2_levels(graph: Batch, seed: int) -> None:
    torch.manual_seed(seed)
    parse = layer()
    x, edge_index, _, batch, size = graph.args
    levels = 0
    while True:
        out = parse(x, edge_index, None, batch, size)
        if out.num_nodes == x.size(0):
            break
        x, edge_index, batch, levels = out.x, out.edge_index, out.batch, levels + 1
    largest = int(torch.bincount(graph.batch).max()) if graph.batch.numel() else 1
    assert levels <= ceil(log2(max(largest, 1)))


@settings(max_examples=40, deadline=None)
@given(batches(interleaved=True), st.integers(0, 99))
def test_p3_equivariance_under_renumbering(graph: Batch, seed: int) -> None:
    torch.manual_seed(seed)
    parse = layer(scorer=distinct(graph, seed))
    one = parse(*graph.args)
    order = torch.randperm(graph.x.size(0))  # new id -> old id
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    edges = place[graph.edge_index][:, torch.randperm(graph.edge_index.size(1))]
    renamed = [(int(place[u]), int(place[v])) for u, v in graph.undirected]
    parse.scorer = Given(graph.x.size(0), renamed, parse.scorer.logits.detach())
    two = parse(graph.x[order], edges, None, graph.batch[order], graph.batch_size)

    assert partition(one.cluster) == partition(two.cluster[place])
    torch.testing.assert_close(one.lift(one.x), two.lift(two.x)[place])
    to = torch.empty(one.num_nodes, dtype=torch.long)
    to[one.cluster] = two.cluster[place]
    assert set(map(tuple, to[one.edge_index].t().tolist())) == set(map(tuple, two.edge_index.t().tolist()))


@settings(max_examples=25, deadline=None)
@given(batches(interleaved=True), st.integers(0, 99))
def test_merged_ties_do_not_depend_on_numbering(graph: Batch, seed: int) -> None:
    torch.manual_seed(seed)
    parse = layer(scorer_layers=1, ties="merge")
    parse.scorer.mlp[0].weight.data.zero_()  # all scores tied
    order = torch.randperm(graph.x.size(0))
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    one = parse(*graph.args)
    two = parse(graph.x[order], place[graph.edge_index], None, graph.batch[order], graph.batch_size)
    assert partition(one.cluster) == partition(two.cluster[place])
    torch.testing.assert_close(one.lift(one.x), two.lift(two.x)[place])


@settings(max_examples=25, deadline=None)
@given(batches(), st.integers(0, 99))
def test_p4_only_the_order_of_scores_decides(graph: Batch, seed: int) -> None:
    parse = layer(scorer=distinct(graph, seed))
    one = parse(*graph.args)
    with torch.no_grad():
        parse.scorer.logits.copy_(parse.scorer.logits**3 + 2 * parse.scorer.logits - 1)
    assert torch.equal(one.cluster, parse(*graph.args).cluster)


@settings(max_examples=30, deadline=None)
@given(batches(), st.integers(0, 99))
def test_p5_heaviest_edge_and_the_mutual_pair(graph: Batch, seed: int) -> None:
    scorer = distinct(graph, seed)
    out = layer(scorer=scorer)(*graph.args)
    weight = dict(zip(graph.undirected, scorer.logits.tolist(), strict=True))
    fine = nx.Graph(graph.undirected)
    for part in nx.connected_components(fine):
        best = max((e for e in graph.undirected if e[0] in part), key=lambda e: weight[e])
        assert out.cluster[best[0]] == out.cluster[best[1]]
    dominant = {}
    for (u, v), w in weight.items():
        for a, b in ((u, v), (v, u)):
            dominant[a] = max(dominant.get(a, (-9.0, -1)), (w, b))
    mutual = [a for a, (_, b) in dominant.items() if a < b and dominant[b][1] == a]
    assert sorted(int(out.cluster[a]) for a in mutual) == sorted({int(out.cluster[a]) for a in dominant})


@settings(max_examples=40, deadline=None)
@given(batches(parallel=True), st.integers(0, 99))
def test_p6_p9_counts_and_gates(graph: Batch, seed: int) -> None:
    torch.manual_seed(seed)
    parse = layer(stop="batch")
    out = parse(*graph.args)
    assert out.inside is not None
    assert out.score is not None
    alone = (torch.bincount(graph.edge_index[0], minlength=graph.x.size(0)) == 0).sum()
    crossing = (out.cluster[graph.edge_index[0]] != out.cluster[graph.edge_index[1]]).sum()
    assert out.inside.sum() - alone + crossing == graph.edge_index.size(1)
    assert bool((out.score > 0).all())
    assert bool((out.score <= out.inside).all())
    with torch.no_grad():
        for p in parse.scorer.parameters():
            p.zero_()
    half = parse(*graph.args)
    isolated = torch.zeros(half.num_nodes, dtype=torch.bool)
    isolated[half.cluster[torch.bincount(graph.edge_index[0], minlength=graph.x.size(0)) == 0]] = True
    assert half.inside is not None
    assert half.score is not None
    if half.num_nodes < graph.x.size(0):
        torch.testing.assert_close(half.score[~isolated], half.inside[~isolated].double() / 2)
    assert bool((half.score[isolated] == 1).all())


def test_p8_gradient_of_the_gate() -> None:
    pairs = [(0, 1), (1, 2), (2, 3), (0, 3)]
    score = torch.tensor([0.9, 0.2, 0.8, 0.3], dtype=torch.float64)
    parse = layer(scorer=Given(4, pairs, score.logit()))
    out = parse(torch.randn(4, C, dtype=torch.float64), both_ways(pairs))
    assert partition(out.cluster) == {frozenset({0, 1}), frozenset({2, 3})}
    assert out.score is not None
    (grad,) = torch.autograd.grad(out.score.sum(), parse.scorer.logits)
    slope = score * (1 - score)
    torch.testing.assert_close(grad, torch.tensor([2.0, 0.0, 2.0, 0.0], dtype=torch.float64) * slope)


def test_p8_no_edge_no_gradient_and_some_edge_some() -> None:
    parse = layer()
    x = torch.randn(5, C, dtype=torch.float64)
    for edges, reached in ([], False), ([(0, 1), (1, 2)], True):
        parse.zero_grad()
        out = parse(x, both_ways(edges))
        (out.x * torch.randn(C, dtype=torch.float64)).sum().backward()
        size = sum(0.0 if p.grad is None else float(p.grad.abs().sum()) for p in parse.scorer.parameters())
        assert (size > 0) == reached


def test_p10_lifting_sizes() -> None:
    pairs = [(0, 1), (1, 2), (2, 3), (0, 3)]
    out = layer(scorer=Given(4, pairs, torch.tensor([2.0, -1, 1, -2])))(
        torch.randn(4, C, dtype=torch.float64), both_ways(pairs)
    )
    assignment = torch.nn.functional.one_hot(out.cluster, out.num_nodes)
    assert torch.equal(assignment.t() @ assignment, torch.diag(out.cluster_size))
    assert torch.equal(
        out.lift(out.cluster_size), assignment @ assignment.t() @ torch.ones(4, dtype=torch.long)
    )


@settings(max_examples=40, deadline=None)
@given(batches(), st.integers(0, 99), st.sampled_from(["lowest_id", "merge"]))
def test_p11_a_graph_does_not_depend_on_its_companions(graph: Batch, seed: int, ties: Any) -> None:
    torch.manual_seed(seed)
    parse = layer(ties=ties)
    together = parse(*graph.args)
    for g in range(graph.batch_size):
        alone = parse(*graph.alone(g))
        node = (graph.batch == g).nonzero().view(-1)
        assert partition(alone.cluster) == partition(together.cluster[node] + 0)
        torch.testing.assert_close(alone.lift(alone.x), together.lift(together.x)[node])


# options


def test_batch_stop_passes_a_collapsed_graph_on() -> None:
    pairs = [(0, 1), (4, 5)]  # nodes 2 and 3 are a graph without edges, node 6 one by itself
    x = torch.randn(7, C, dtype=torch.float64)
    batch = torch.tensor([0, 0, 1, 1, 2, 2, 3])
    for stop, copied in (
        ("graph", [False, True, True, False, True]),
        ("batch", [False, False, False, False, True]),
    ):
        out = layer(stop=stop)(x, both_ways(pairs), None, batch, 4)
        first = torch.tensor([0, 2, 3, 4, 6])
        assert (out.x[out.cluster[first]] == x[first]).all(1).tolist() == copied


@pytest.mark.parametrize("gate", ["sum", "mean", "none"])
def test_gates(gate: Any) -> None:
    pairs = [(0, 1), (1, 2)]
    parse = layer(scorer=Given(3, pairs, torch.tensor([0.3, 0.5], dtype=torch.float64)), gate=gate)
    x = torch.randn(3, C, dtype=torch.float64)
    out = parse(x, both_ways(pairs))
    total = 2 * torch.tensor([0.3, 0.5], dtype=torch.float64).sigmoid().sum()
    expected = {"sum": total, "mean": total / 4, "none": torch.ones((), dtype=torch.float64)}[gate]
    assert out.score is not None
    torch.testing.assert_close(out.score, expected.view(1))
    torch.testing.assert_close(out.x, expected * parse.rho(parse.phi(x).sum(0, keepdim=True)))


def test_coarse_weights_are_the_off_diagonal_of_the_product() -> None:
    graph = nx.gnm_random_graph(20, 40, seed=3)
    edge_index = both_ways(list(graph.edges))
    x = torch.randn(20, C, dtype=torch.float64)
    for weight in None, torch.rand(40, dtype=torch.float64).repeat(2):
        out = layer(weighted=True)(x, edge_index, weight)
        dense = torch.zeros(20, 20, dtype=torch.float64)
        dense[edge_index[0], edge_index[1]] = 1.0 if weight is None else weight
        assignment = torch.nn.functional.one_hot(out.cluster, out.num_nodes).double()
        expected = assignment.t() @ dense @ assignment
        expected.fill_diagonal_(0)
        actual = torch.zeros_like(expected)
        assert out.edge_attr is not None
        actual[out.edge_index[0], out.edge_index[1]] = out.edge_attr
        torch.testing.assert_close(actual, expected)
    assert layer()(x, edge_index).edge_attr is None


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min"])
def test_edge_features_go_through_two_levels(reduce: Any) -> None:
    graph = nx.gnm_random_graph(200, 210, seed=1)
    edge_index = both_ways(list(graph.edges))
    attr = torch.randn(edge_index.size(1), 3, dtype=torch.float64, requires_grad=True)
    parse = layer(reduce=reduce)
    first = parse(torch.randn(200, C, dtype=torch.float64), edge_index, attr)
    second = parse(first.x, first.edge_index, first.edge_attr, first.batch, first.batch_size)
    both = first.compose(second)
    assert both.edge_attr is not None
    assert both.edge_attr.shape == (second.edge_index.size(1), 3)
    assert both.edge_index.size(1) > 10
    if reduce != "mean":  # the others may be taken over all original edges at once
        for e in range(both.edge_index.size(1)):
            rows = attr[both.edges_behind(e)]
            expected = {"sum": rows.sum(0), "max": rows.amax(0), "min": rows.amin(0)}[reduce]
            torch.testing.assert_close(both.edge_attr[e], expected)
    both.edge_attr.sum().backward()
    assert attr.grad is not None
    assert bool(attr.grad.abs().sum() > 0)


def test_dropped_edges_leave_scoring_parse_and_coarse_graph() -> None:
    graph = nx.gnm_random_graph(60, 150, seed=2)
    edge_index = both_ways(list(graph.edges))
    parse = layer(edge_dropout=0.6).train()
    x = torch.randn(60, C, dtype=torch.float64)
    torch.manual_seed(5)
    out = parse(x, edge_index)
    torch.manual_seed(5)
    again = parse(x, edge_index)
    assert torch.equal(out.cluster, again.cluster)
    assert torch.equal(out.x, again.x)
    assert out.inside is not None
    pairs = set(map(tuple, out.edge_index.t().tolist()))
    assert all((b, a) in pairs for a, b in pairs)
    alive = int(out.inside.sum()) + int((out.edge_cluster >= 0).sum())
    assert 0.2 * 300 < alive < 0.6 * 300 + 60  # an isolated node counts one
    full = parse.eval()(x, edge_index)
    assert int(full.inside.sum()) + int((full.edge_cluster >= 0).sum()) == 300 + nx.number_of_isolates(graph)


def test_dropping_self_loop_candidates() -> None:
    parse = layer(self_loops=True, edge_dropout=0.5).train()
    with torch.no_grad():
        for p in parse.scorer.parameters():
            p.zero_()
    out = parse(torch.randn(400, C, dtype=torch.float64), both_ways([(0, 1)]))
    assert out.inside is not None
    assert out.score is not None
    assert set(out.inside.tolist()) <= {1, 2, 3, 4}


def test_encoders_are_shared_or_not() -> None:
    class Scale(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            return x * self.factor

    x, edges = torch.randn(2, C, dtype=torch.float64), both_ways([(0, 1)])
    parse = layer(encoder=Scale(2.0))
    logit = parse.scorer(2 * x, torch.tensor([0]), torch.tensor([1]))
    expected = 2 * logit.sigmoid() * parse.rho(parse.phi(2 * x).sum(0, keepdim=True))
    torch.testing.assert_close(parse(x, edges).x, expected)
    parse.set_encoder = Scale(3.0)
    expected = 2 * logit.sigmoid() * parse.rho(parse.phi(3 * x).sum(0, keepdim=True))
    torch.testing.assert_close(parse(x, edges).x, expected)


# degenerate graphs, errors, types


def test_gradcheck() -> None:
    pairs = [(0, 1), (1, 2), (2, 3), (0, 3), (4, 5)]
    parse = layer(self_loops=True)
    x = torch.randn(7, C, dtype=torch.float64, requires_grad=True)
    batch = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    assert torch.autograd.gradcheck(lambda x: parse(x, both_ways(pairs), None, batch, 4).x, (x,))


@pytest.mark.parametrize("graphs", [0, 1, 3])
def test_nothing_in_nothing_out(graphs: int) -> None:
    out = layer()(
        torch.zeros(0, C, dtype=torch.float64),
        torch.zeros(2, 0, dtype=torch.long),
        None,
        torch.zeros(0, dtype=torch.long),
        graphs,
    )
    assert out.x.shape == (0, C)
    assert out.edge_index.shape == (2, 0)
    assert out.batch_size == graphs


def test_all_scores_tied_collapse_a_component() -> None:
    x = torch.ones(6, C, dtype=torch.float64)
    ring = both_ways([(i, (i + 1) % 6) for i in range(6)])
    assert layer()(x, ring).num_nodes == 1
    assert layer(ties="merge")(x, ring).num_nodes == 1


def test_directed_graph_is_refused() -> None:
    x = torch.randn(3, C, dtype=torch.float64)
    with pytest.raises(ValueError, match="directed"):
        layer()(x, torch.tensor([[0, 1, 2], [1, 2, 0]]))
    layer(check_symmetric=False)(x, both_ways([(0, 1)]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ties", "first"),
        ("stop", "never"),
        ("gate", "max"),
        ("reduce", "median"),
        ("edge_dropout", 1.0),
        ("set_layers", 0),
    ],
)
def test_bad_options_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="layers" if name == "set_layers" else name):
        gpool.GraphParsing(C, **{name: value})


def test_weights_are_not_features() -> None:
    with pytest.raises(ValueError, match="weighted"):
        layer(weighted=True)(torch.randn(2, C, dtype=torch.float64), both_ways([(0, 1)]), torch.randn(2, 3))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_low_precision(dtype: torch.dtype) -> None:
    parse = gpool.GraphParsing(C).to(dtype)
    out = parse(torch.randn(6, C).to(dtype), both_ways([(0, 1), (1, 2), (3, 4)]))
    assert out.x.dtype == dtype
    out.x.float().pow(2).sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in parse.parameters())


def test_autocast_and_repeatable() -> None:
    parse = gpool.GraphParsing(C)
    x, edges = torch.randn(6, C), both_ways([(0, 1), (1, 2), (3, 4)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        one, two = parse(x, edges), parse(x, edges)
    assert torch.equal(one.x, two.x)
    one.x.sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in parse.parameters())
    torch.testing.assert_close(one.x.float(), parse(x, edges).x, rtol=0.1, atol=0.1)
