"""Ties that rounding does not break, against loops; and that dense values do not become one tie."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, partition
from torch import Tensor

from gpool.ops.partition.clusters import best_neighbor, parse, parse_merge, roots
from gpool.ops.partition.ties import SPAN, near
from gpool.ops.partition.topk import topk_select


def loop(score: list[float], batch: list[int], count: list[int], tolerance: float) -> list[int]:
    """Runs of values with gaps of at most the tolerance, no longer than SPAN of them, by id."""
    kept = []
    for graph, k in enumerate(count):
        nodes = sorted((i for i, b in enumerate(batch) if b == graph), key=lambda i: (-score[i], i))
        runs: list[list[int]] = []
        for i in nodes:
            if runs and score[runs[-1][-1]] - score[i] <= tolerance:
                runs[-1].append(i)
            else:
                runs.append([i])
        ordered = []
        for run in runs:
            ordered += sorted(run) if score[run[0]] - score[run[-1]] <= SPAN * tolerance else run
        kept += ordered[:k]
    return kept


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=60),
    st.lists(st.integers(0, 20), min_size=4, max_size=4),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_near_values_are_ordered_by_id(
    rows: list[tuple[int, int]], count: list[int], dtype: torch.dtype
) -> None:
    score = torch.tensor([r[0] for r in rows], dtype=dtype)  # gaps of 0, 1, 2 ...: ties up to a gap of 1
    batch = torch.tensor([r[1] for r in rows], dtype=torch.long)
    expected = loop(score.tolist(), batch.tolist(), count, 1.0)
    assert topk_select(score, batch, torch.tensor(count), 4, 1 / 64, 64.0).tolist() == expected


def test_a_trace_orders_ties_as_the_eager_pass() -> None:
    score = torch.randint(40, (300,)).float()
    batch, count = torch.randint(3, (300,)), torch.tensor([100, 100, 100])

    def select(score: Tensor, batch: Tensor) -> Tensor:
        return topk_select(score, batch, count, 3, 1 / 64, torch.full_like(score, 64.0))

    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        compiled = torch.compile(select, backend="eager", fullgraph=True)
        assert torch.equal(compiled(score, batch), select(score, batch))


def test_dense_values_keep_their_order() -> None:
    score = torch.rand(200_000)
    batch = torch.zeros(200_000, dtype=torch.long)
    within = 1e-4  # every gap is smaller: one run
    kept = topk_select(score, batch, torch.tensor([50_000]), 1, within)
    assert torch.equal(kept, topk_select(score, batch, torch.tensor([50_000]), 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_decides_no_selection(dtype: torch.dtype) -> None:
    batch, count = torch.arange(40).repeat_interleave(25), torch.full((40,), 10)
    exact = torch.randint(6, (1000,)).to(dtype) / 3
    noise = torch.randn(1000).to(dtype).clamp(-4, 4) * torch.finfo(dtype).eps
    kept = topk_select(exact + noise, batch, count, 40, near(dtype))
    assert torch.equal(kept, topk_select(exact, batch, count, 40))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 10**6), max_size=80))
def test_roots_of_any_function(draws: list[int]) -> None:
    pointer = [d % len(draws) for d in draws]
    graph = nx.Graph()
    graph.add_nodes_from(range(len(pointer)))
    graph.add_edges_from(enumerate(pointer))
    on_cycle = set()
    for v in range(len(pointer)):
        for _ in range(len(pointer)):
            v = pointer[v]
        on_cycle.add(v)
    least = {}
    for part in nx.connected_components(graph):
        least.update(dict.fromkeys(part, min(part & on_cycle)))
    expected = [least[v] for v in range(len(pointer))]
    given_ = torch.tensor(pointer, dtype=torch.long)
    assert roots(given_).tolist() == expected
    assert torch.compile(roots, backend="eager", fullgraph=True, dynamic=True)(given_).tolist() == expected


def test_the_root_of_a_long_cycle_and_its_tail() -> None:
    n = 5000
    pointer = torch.arange(n).add(1) % n
    pointer = torch.cat(
        [pointer, torch.arange(n - 1, 2 * n - 1)]
    )  # a tail of n nodes that ends in node n - 1
    assert roots(pointer).tolist() == [0] * (2 * n)


def test_near_ties_that_are_not_transitive_still_give_whole_clusters() -> None:
    """A triangle with scores 0, 2 t and t, of which only the first two do not tie: one cycle of all."""
    t = 0.75 * near(torch.float64)
    u, v = torch.tensor([0, 1, 0]), torch.tensor([1, 2, 2])
    score = torch.tensor([0.0, 2 * t, t], dtype=torch.float64)
    assert best_neighbor(score, u, v, 3).tolist() == [1, 2, 0]
    assert parse(score, u, v, 3).tolist() == [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(
    batches(parallel=True), st.integers(0, 99), st.booleans(), st.sampled_from([torch.float32, torch.float64])
)
def test_rounding_decides_no_parse(graph: Batch, seed: int, loops: bool, dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(seed)
    once = torch.tensor(graph.undirected, dtype=torch.long).view(-1, 2).t()
    n = graph.x.size(0)

    def noise(count: int) -> Tensor:
        return torch.randn(count, generator=g).to(dtype).clamp(-4, 4) * torch.finfo(dtype).eps

    exact = torch.randint(-3, 4, (once.size(1),), generator=g).to(dtype)
    own = torch.randint(-3, 4, (n,), generator=g).to(dtype) if loops else None
    for follow in (parse, parse_merge):
        expected = follow(exact, once[0], once[1], n, own)
        noisy = None if own is None else own + noise(n) * own.abs().clamp(min=1)
        score = exact + noise(once.size(1)) * exact.abs().clamp(min=1)
        assert partition(follow(score, once[0], once[1], n, noisy)) == partition(expected)
