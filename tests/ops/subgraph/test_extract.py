"""Enclosing subgraphs and labels against PyG's k_hop_subgraph, shortest paths and the published cases."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import shortest_path
from torch import Tensor
from torch.utils.data import DataLoader
from torch_geometric.utils import k_hop_subgraph

from gpool.ops.subgraph import enclosing_subgraphs, extract, iter_enclosing_subgraphs
from gpool.ops.subgraph.adjacency import Adjacency
from gpool.ops.subgraph.distance_labels import distances, drnl
from gpool.ops.subgraph.node_tuples import label_tuples
from gpool.ops.subgraph.record import EnclosingSubgraphs


def edges_of(record: EnclosingSubgraphs, b: int) -> set[tuple[int, int, bool]]:
    inside = record.batch[record.edge_index[1]] == b
    ends = record.node[record.edge_index[:, inside]]
    return set(zip(ends[0].tolist(), ends[1].tolist(), record.is_target[inside].tolist(), strict=True))


def oracle(
    both: Tensor, nodes: int, pair: list[int], hops: int
) -> tuple[list[int], set[tuple[int, int, bool]]]:
    """One pair at a time, over all edges, by PyG."""
    members, inside, _, _ = k_hop_subgraph(pair, hops, both, num_nodes=nodes)
    found = {(u, v, {u, v} == set(pair)) for u, v in inside.t().tolist()}
    return members.tolist(), found | {(pair[0], pair[1], True), (pair[1], pair[0], True)}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Tensor, int, Tensor]:
    nodes = draw(st.integers(2, 12))
    pair = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1))
    edges = draw(st.lists(pair, max_size=20))
    pairs = draw(st.lists(pair.filter(lambda p: p[0] != p[1]), min_size=1, max_size=6))
    return torch.tensor(edges, dtype=torch.long).view(-1, 2).t(), nodes, torch.tensor(pairs)


@settings(max_examples=50, deadline=None)
@given(case=graphs(), hops=st.integers(1, 3), max_entries=st.sampled_from([1, 7, 1 << 22]))
def test_equals_k_hop_subgraph(case, hops, max_entries) -> None:
    edges, nodes, pairs = case
    graph = Adjacency.from_edges(edges, nodes)
    both = torch.stack([torch.arange(nodes).repeat_interleave(graph.degree), graph.col])
    record = enclosing_subgraphs(graph, pairs, hops, max_entries=max_entries)
    assert record.node[record.target].tolist() == pairs.tolist()
    for b, pair in enumerate(pairs.tolist()):
        members, inside = oracle(both, nodes, pair, hops)
        assert record.node[record.batch == b].tolist() == members
        assert edges_of(record, b) == inside
        assert int((record.batch[record.edge_index[1]] == b).sum()) == len(inside)
    again = EnclosingSubgraphs.from_edges(
        record.edge_index, record.is_target, record.batch, pairs.size(0), record.node
    )
    for f in fields(record):
        if f.name in ("rowptr", "colptr", "end_edge", "edge_index", "is_target"):
            assert torch.equal(getattr(again, f.name), getattr(record, f.name)), f.name
    assert torch.equal(again.target.sort(1).values, record.target.sort(1).values)


@settings(max_examples=40, deadline=None)
@given(case=graphs(), hops=st.integers(1, 3))
def test_distances_equal_shortest_paths(case, hops) -> None:
    edges, nodes, pairs = case
    record = enclosing_subgraphs(Adjacency.from_edges(edges, nodes), pairs, hops)
    found, label = distances(record), drnl(record)
    for b in range(pairs.size(0)):
        mine = (record.batch == b).nonzero().squeeze(1)
        keep = (record.batch[record.edge_index[1]] == b) & ~record.is_target
        local = (record.edge_index[:, keep] - mine[0]).numpy()
        matrix = csr_matrix((np.ones(local.shape[1]), tuple(local)), shape=(len(mine), len(mine)))
        ends = (record.target[b] - mine[0]).tolist()
        column = []
        for side in range(2):
            left = np.setdiff1d(np.arange(len(mine)), [ends[1 - side]])
            path = np.full(len(mine), np.inf)
            path[left] = shortest_path(
                matrix[left][:, left], unweighted=True, indices=int(np.searchsorted(left, ends[side]))
            )
            column.append(path)
        both = np.stack(column, 1)
        assert torch.equal(found[mine].double(), torch.from_numpy(np.where(np.isinf(both), -1, both)))
        for node in range(len(mine)):
            x, y = both[node]
            if node in ends:
                right = 1
            elif np.isinf(x + y):
                right = 0
            else:
                d = int(x + y)
                right = 1 + int(min(x, y)) + (d // 2) * (d // 2 + d % 2 - 1)
            assert int(label[mine[node]]) == right


def test_published_subgraphs(golden) -> None:
    held = golden("walkpool_subgraphs.json")
    graph = Adjacency.from_edges(torch.tensor(held["observed_undirected_edges"]).t(), held["num_nodes"])
    for case in held["cases"]:
        record = enclosing_subgraphs(graph, torch.tensor([case["pair"]]), case["num_hops"])
        assert record.node.tolist() == case["nodes"]
        marked = [not c for c in case["edge_is_context"]]
        assert edges_of(record, 0) == set(zip(*case["edges_global"], marked, strict=True))
        assert record.num_edges == len(marked)
        assert drnl(record).tolist() == case["drnl"]


def test_published_labels(golden) -> None:
    for case in golden("walkpool_drnl.json")["cases"]:
        i, j = case["src"], case["dst"]
        edges = torch.tensor(case["undirected_edges"], dtype=torch.long).view(-1, 2).t()
        both = torch.cat([edges, edges.flip(0), torch.tensor([[i, j], [j, i]])], 1)
        mine = torch.zeros(both.size(1), dtype=torch.bool)
        mine[-2:] = True
        record = EnclosingSubgraphs.from_edges(both, mine, torch.zeros(case["num_nodes"], dtype=torch.long))
        assert drnl(record).tolist() == case["labels"]


def star_and_ring(leaves: int = 50) -> tuple[Adjacency, Tensor]:
    star = torch.stack([torch.zeros(leaves, dtype=torch.long), torch.arange(1, leaves + 1)])
    ring = torch.stack([torch.arange(1, leaves + 1), torch.arange(1, leaves + 1).roll(-1)])
    return Adjacency.from_edges(torch.cat([star, ring], 1), leaves + 1), torch.tensor(
        [[0, 1], [3, 20], [0, 30], [20, 3]]
    )


def test_cap() -> None:
    """At most so many new nodes a hop, drawn alike whatever the batch, its order or its pieces."""
    graph, pairs = star_and_ring()
    full = enclosing_subgraphs(graph, pairs, 2)
    record = enclosing_subgraphs(graph, pairs, 2, cap=5, seed=3)
    for b in range(4):
        mine = set(record.node[record.batch == b].tolist())
        assert len(mine) <= 2 + 2 * 5
        assert mine <= set(full.node[full.batch == b].tolist())
        alone = enclosing_subgraphs(graph, pairs[b : b + 1], 2, cap=5, seed=3, max_entries=1)
        assert alone.node.tolist() == record.node[record.batch == b].tolist()
    assert (
        record.node[record.batch == 1].tolist() == record.node[record.batch == 3].tolist()
    )  # (i, j) as (j, i)
    other = enclosing_subgraphs(graph, pairs, 2, cap=5, seed=4)
    assert record.node.tolist() != other.node.tolist()
    loose = enclosing_subgraphs(graph, pairs, 2, cap=100)
    assert loose.node.tolist() == full.node.tolist()


def test_cap_beside_a_hub() -> None:
    """Drawing from many neighbors keeps those of the smallest hash, as drawing from all of them would."""
    graph, _ = star_and_ring(900)
    pairs = torch.tensor([[0, 1], [0, 450], [7, 300]])
    for cap in (1, 3, 20):
        record = enclosing_subgraphs(graph, pairs, 2, cap=cap, seed=1)
        members = (torch.arange(3).unsqueeze(1) * 901 + pairs).sort(1).values.view(-1)
        for hop in range(2):
            salt = extract._hash(pairs.amin(1), extract._hash(pairs.amax(1), torch.tensor(64 + hop)))
            frontier = []
            for b in range(3):
                mine = set(members[members // 901 == b].tolist())
                edge = mine if hop == 0 else mine - {b * 901 + int(v) for v in pairs[b]}
                near = {
                    b * 901 + int(v)
                    for k in edge
                    for v in graph.col[graph.rowptr[k % 901] : graph.rowptr[k % 901 + 1]]
                }
                ranked = sorted(
                    near - mine, key=lambda k: int(extract._hash(torch.tensor(k % 901), salt[k // 901]))
                )
                frontier += ranked[:cap]
            members = torch.cat([members, torch.tensor(frontier)]).sort().values
        assert record.node.tolist() == (members % 901).tolist()


def test_cap_is_uniform() -> None:
    """Every leaf of the star is kept equally often: chi-squared of 4000 draws over 49 nodes, 5 sigma."""
    graph, _ = star_and_ring()
    leaf_only = torch.tensor([[0, 1]])
    kept = torch.zeros(51)
    for seed in range(400):
        record = enclosing_subgraphs(graph, leaf_only, 1, cap=10, seed=seed)
        kept[record.node[(record.node != 0) & (record.node != 1)]] += 1
    expected = 4000 / 49
    chi = float(((kept[2:] - expected).square() / expected).sum())
    assert chi < 48 + 5 * (2 * 48) ** 0.5


def test_stream() -> None:
    graph, pairs = star_and_ring()
    many = pairs.repeat(5, 1)
    records = list(iter_enclosing_subgraphs(graph, many, 3, num_hops=1))
    assert [r.num_graphs for r in records] == [3] * 6 + [2]
    together = enclosing_subgraphs(graph, many, 1)
    assert torch.cat([r.node for r in records]).tolist() == together.node.tolist()
    assert sum(r.num_edges for r in records) == together.num_edges
    assert list(iter_enclosing_subgraphs(graph, many[:0], 3)) == []


class _Cut(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> EnclosingSubgraphs:
        graph, pairs = star_and_ring()
        return enclosing_subgraphs(graph, pairs[index : index + 1], 2)


def test_in_the_workers_of_a_loader() -> None:
    here = [r.node.tolist() for r in DataLoader(_Cut(), batch_size=None)]
    there = [
        r.node.tolist() for r in DataLoader(_Cut(), batch_size=None, num_workers=2, collate_fn=lambda r: r)
    ]
    assert here == there


def test_no_edges_no_pairs() -> None:
    graph = Adjacency.from_edges(torch.zeros(2, 0, dtype=torch.long), 3)
    record = enclosing_subgraphs(graph, torch.tensor([[2, 0]]), 2)
    assert record.node.tolist() == [0, 2]
    assert record.edge_index.tolist() == [[1, 0], [0, 1]]
    assert record.is_target.tolist() == [True, True]
    assert record.target.tolist() == [[1, 0]]
    none = enclosing_subgraphs(graph, torch.zeros(0, 2, dtype=torch.long), 2)
    assert (none.num_graphs, none.num_nodes, none.num_edges) == (0, 0, 0)
    assert drnl(none).shape == (0,)


def test_an_edge_twice_and_a_pair_twice() -> None:
    """A repeated edge counts once, in either direction; a pair asked for twice gives two equal subgraphs."""
    once = Adjacency.from_edges(torch.tensor([[0, 1], [1, 2]]), 3)
    twice = Adjacency.from_edges(torch.tensor([[0, 1, 1, 0], [1, 2, 0, 1]]), 3)
    assert twice.col.tolist() == once.col.tolist()
    record = enclosing_subgraphs(twice, torch.tensor([[0, 1], [0, 1], [1, 0]]), 1)
    assert edges_of(record, 0) == edges_of(record, 1) == edges_of(record, 2)
    assert int(record.is_target.sum()) == 6


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        ([[0, 5]], {}, r"pairs\[0\] = \(0, 5\) holds an unknown node; ids must be 0 .. 3"),
        ([[0, 1], [-1, 2]], {}, r"pairs\[1\] = \(-1, 2\) holds an unknown node"),
        ([[0, 1], [2, 2]], {}, r"pairs\[1\] = \(2, 2\) joins a node to itself"),
        ([0, 1], {}, r"must be \[B, 2\] of integers"),
        ([[0.0, 1.0]], {}, r"must be \[B, 2\] of integers"),
        ([[0, 1]], {"num_hops": 0}, "num_hops=0 must be at least 1"),
        ([[0, 1]], {"cap": 0}, "cap=0 must be at least 1"),
        ([[0, 1]], {"max_entries": 0}, "max_entries=0 must be at least 1"),
    ],
)
def test_errors(pairs, options, message) -> None:
    graph = Adjacency.from_edges(torch.tensor([[0, 1, 2], [1, 2, 3]]), 4)
    with pytest.raises(ValueError, match=message):
        enclosing_subgraphs(graph, torch.tensor(pairs), **options)


def test_adjacency_errors() -> None:
    with pytest.raises(ValueError, match=r"edge_index holds node 4; ids must be 0 .. 3"):
        Adjacency.from_edges(torch.tensor([[0], [4]]), 4)
    with pytest.raises(ValueError, match=r"must be \[2, E\] of integers"):
        Adjacency.from_edges(torch.zeros(2, 3), 4)
    with pytest.raises(ValueError, match="batch_size=0"):
        next(
            iter_enclosing_subgraphs(
                Adjacency.from_edges(torch.tensor([[0], [1]]), 2), torch.tensor([[0, 1]]), 0
            )
        )


def refine(edge_index: Tensor, color: list[object], rounds: int = 10) -> list[object]:
    """Color refinement, the slow way."""
    for _ in range(rounds):
        near: list[list[object]] = [[] for _ in color]
        for u, v in edge_index.t().tolist():
            near[v].append(color[u])
        color = [hash((c, tuple(sorted(n, key=hash)))) for c, n in zip(color, near, strict=True)]
    return color


def signature(edges: list[tuple[int, int]], nodes: int, length: int) -> list[int]:
    """The multiset, over labeled copies, of the multisets of refined colors."""
    both = torch.tensor([e for u, v in edges for e in ((u, v), (v, u))]).t()
    if length == 0:
        return sorted(refine(both, [0] * nodes))  # type: ignore[type-var]
    copies = label_tuples(both, torch.zeros(nodes, dtype=torch.long), 1, length)
    color = refine(copies.edge_index, [tuple(row) for row in copies.label.tolist()])
    bags: list[list[object]] = [[] for _ in range(copies.outer.numel())]
    for c, k in zip(color, copies.inner.tolist(), strict=True):
        bags[k].append(c)
    return sorted(hash(tuple(sorted(bag, key=hash))) for bag in bags)


def test_one_label_tells_a_ring_from_two_triangles() -> None:
    ring = [(k, (k + 1) % 6) for k in range(6)]
    triangles = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    assert signature(ring, 6, 0) == signature(triangles, 6, 0)
    assert signature(ring, 6, 1) != signature(triangles, 6, 1)


def test_two_labels_tell_rook_from_shrikhande() -> None:
    rook = [
        (4 * a + b, 4 * c + d)
        for a in range(4)
        for b in range(4)
        for c in range(4)
        for d in range(4)
        if 4 * a + b < 4 * c + d and (a == c) != (b == d)
    ]
    steps = {(0, 1), (0, 3), (1, 0), (3, 0), (1, 1), (3, 3)}
    shrikhande = [
        (4 * a + b, 4 * c + d)
        for a in range(4)
        for b in range(4)
        for c in range(4)
        for d in range(4)
        if 4 * a + b < 4 * c + d and ((c - a) % 4, (d - b) % 4) in steps
    ]
    assert len(rook) == len(shrikhande) == 48
    assert signature(rook, 16, 1) == signature(shrikhande, 16, 1)
    assert signature(rook, 16, 2) != signature(shrikhande, 16, 2)


def test_labeled_copies_of_a_batch() -> None:
    """Every copy is its graph, in a batch of mixed edges with an empty graph and one of one node."""
    edges = torch.tensor([[3, 0, 4, 1, 1, 2], [4, 1, 3, 0, 2, 1]])  # nodes 0 1 2 | (none) | 3 4 | 5
    batch = torch.tensor([0, 0, 0, 2, 2, 3])
    one, two = label_tuples(edges, batch, 4, 1), label_tuples(edges, batch, 4, 2)
    assert one.outer.tolist() == [0, 0, 0, 2, 2, 3]
    assert two.outer.tolist() == [0] * 6 + [2] * 2
    assert sorted(map(tuple, two.tuples.tolist())) == [
        (0, 1),
        (0, 2),
        (1, 0),
        (1, 2),
        (2, 0),
        (2, 1),
        (3, 4),
        (4, 3),
    ]
    for copies in (one, two):
        assert torch.equal(copies.node[copies.edge_index], edges[:, copies.edge])
        assert torch.equal(copies.inner[copies.edge_index[0]], copies.inner[copies.edge_index[1]])
        assert torch.equal(batch[copies.node], copies.outer[copies.inner])
        assert copies.label.sum(0).tolist() == [copies.outer.numel()] * copies.label.size(1)
    drawn = label_tuples(edges, batch, 4, 2, samples=3000, seed=1)
    assert torch.bincount(drawn.outer).tolist() == [3000, 0, 3000]
    count = torch.unique(drawn.tuples[:3000], dim=0, return_counts=True)[1]
    assert count.numel() == 6
    assert (count - 500).abs().max() < 5 * 500**0.5
    for length, samples, message in (
        (3, None, "length=3 must be 1 or 2"),
        (1, 0, "samples=0 must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            label_tuples(edges, batch, 4, length, samples)
    with pytest.raises(ValueError, match="batch must be sorted"):
        label_tuples(edges, batch.flip(0), 4)
