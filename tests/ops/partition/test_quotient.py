"""The quotient and the induced graph against dictionaries."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches

from gpool.ops.partition.quotient import induced, lift, quotient, sum_of_map

REDUCE = {
    "sum": lambda rows: sum(rows),
    "mean": lambda rows: sum(rows) / len(rows),
    "max": lambda rows: torch.stack(rows).amax(0),
    "min": lambda rows: torch.stack(rows).amin(0),
}


@settings(max_examples=50, deadline=None)
@given(
    batches(loops=True, parallel=True),
    st.integers(1, 6),
    st.sampled_from(sorted(REDUCE)),
    st.booleans(),
    st.integers(0, 99),
)
def test_quotient_equals_the_loop(graph: Batch, clusters: int, reduce: str, vector: bool, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    cluster = torch.randint(-1, clusters, (graph.x.size(0),), generator=g)
    size = graph.edge_index.size(1)
    attr = torch.randn(size, 3, generator=g, dtype=torch.float64) if vector else torch.rand(size, generator=g)
    keep = torch.rand(size, generator=g) < 0.8
    out = quotient(graph.edge_index, cluster, clusters, attr, reduce, keep)

    expected: dict[tuple[int, int], list[int]] = {}
    for e, (u, v) in enumerate(graph.edge_index.t().tolist()):
        a, b = int(cluster[u]), int(cluster[v])
        if a != b and a >= 0 and b >= 0 and keep[e]:
            expected.setdefault((a, b), []).append(e)
    assert [tuple(p) for p in out.edge_index.t().tolist()] == sorted(expected)
    for i, pair in enumerate(sorted(expected)):
        torch.testing.assert_close(out.edge_attr[i], REDUCE[reduce]([attr[e] for e in expected[pair]]))
        assert (out.edge_cluster == i).nonzero().view(-1).tolist() == expected[pair]
    assert int((out.edge_cluster == -1).sum()) == size - sum(map(len, expected.values()))


def test_a_key_beyond_32_bits() -> None:
    count = 100_000  # count^2 > 2^31
    cluster = torch.arange(count)
    edge_index = torch.tensor([[count - 1, 0, count - 1], [0, count - 1, 0]])
    out = quotient(edge_index, cluster, count, torch.ones(3))
    assert out.edge_index.tolist() == [[0, count - 1], [count - 1, 0]]
    assert out.edge_attr.tolist() == [1.0, 2.0]


@settings(max_examples=40, deadline=None)
@given(batches(loops=True, parallel=True), st.integers(0, 99))
def test_induced_equals_the_loop(graph: Batch, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    keep = torch.rand(graph.x.size(0), generator=g) < 0.6
    cluster = torch.where(keep, keep.cumsum(0) - 1, -1)
    attr = torch.arange(graph.edge_index.size(1))
    out = induced(graph.edge_index, cluster, attr)
    kept = [e for e, (u, v) in enumerate(graph.edge_index.t().tolist()) if keep[u] and keep[v]]
    assert out.edge_attr.tolist() == kept
    assert torch.equal(out.edge_index, cluster[graph.edge_index[:, kept]])
    assert out.edge_cluster[kept].tolist() == list(range(len(kept)))
    assert int((out.edge_cluster >= 0).sum()) == len(kept)


def test_lift_leaves_zeros_where_nodes_were_dropped() -> None:
    z = torch.tensor([[1.0, 2.0], [3.0, torch.inf]])
    assert lift(z[:1], torch.tensor([0, -1, 0])).tolist() == [[1.0, 2.0], [0.0, 0.0], [1.0, 2.0]]
    assert lift(torch.tensor([torch.inf]), torch.tensor([-1, 0])).tolist() == [0.0, torch.inf]
    assert lift(torch.tensor([4, 5]), torch.tensor([1, -1])).tolist() == [5, 0]
    assert lift(z[:0], torch.tensor([-1])).shape == (1, 2)


@pytest.mark.parametrize("rows", [0, 1, 5, 1000])
def test_sum_of_map_over_blocks(rows: int) -> None:
    x = torch.randn(rows, 300, dtype=torch.float64, requires_grad=True)
    cluster = torch.randint(7, (rows,))
    one_hot = torch.nn.functional.one_hot(cluster, 7).double()
    expected = one_hot.t() @ (x**2)
    actual = sum_of_map(lambda rows: rows**2, x, cluster, 7)
    torch.testing.assert_close(actual, expected)
    weight = torch.randn(7, 300, dtype=torch.float64)
    torch.testing.assert_close(*(torch.autograd.grad((y * weight).sum(), x)[0] for y in (actual, expected)))
