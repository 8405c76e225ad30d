"""Candidates: pairs to rank, block by block, against loops over all pairs."""

from __future__ import annotations

import itertools

import pytest
import torch
from small_graphs import ring

from gpool.data import AllPairs, BestBy, LinkGraph, Links, TwoHop
from gpool.data.links.candidates import GivenPairs
from gpool.link import Adjacency, common_neighbors
from gpool.link.best import Best


def random_graph(nodes: int = 23, links: int = 40) -> LinkGraph:
    generator = torch.Generator().manual_seed(0)
    every = torch.combinations(torch.arange(nodes))
    return LinkGraph.from_edges(
        every[torch.randperm(every.size(0), generator=generator)[:links]].t(), nodes=nodes
    )


def joined(blocks: list[torch.Tensor], size: int) -> list[tuple[int, ...]]:
    assert all(block.size(0) == size for block in blocks[:-1])
    return [tuple(pair) for block in blocks for pair in block.tolist()]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_all_pairs_and_those_with_a_common_neighbor(size: int) -> None:
    graph = random_graph()
    linked = {tuple(pair) for pair in graph.pairs.tolist()}
    beside = [
        {b for a, b in (*linked, *((j, i) for i, j in linked)) if a == v} for v in range(graph.num_nodes)
    ]
    free = [pair for pair in itertools.combinations(range(graph.num_nodes), 2) if pair not in linked]
    near = [(i, j) for i, j in free if beside[i] & beside[j]]
    assert 0 < len(near) < len(free)
    assert joined(list(AllPairs().blocks(graph, size)), size) == free
    assert AllPairs().count(graph) == len(free)
    assert joined(list(TwoHop(rows=5).blocks(graph, size)), size) == near
    assert joined(list(GivenPairs(graph.pairs).blocks(graph, size)), size) == sorted(linked)
    best = joined(list(BestBy(common_neighbors, number=9).blocks(graph, size)), size)
    count = {(i, j): len(beside[i] & beside[j]) for i, j in near}
    assert best == sorted(near, key=lambda pair: -count[pair])[:9]


def test_a_large_graph_needs_other_candidates() -> None:
    large = LinkGraph.from_edges(torch.tensor([[0, 1], [1, 2]]), nodes=10_001)
    with pytest.raises(ValueError, match=r"10001 nodes and 50005000 pairs; .* pairs='two-hop'"):
        next(AllPairs().blocks(large, 10))
    assert next(AllPairs(limit=None).blocks(large, 2)).tolist() == [[0, 2], [0, 3]]
    assert joined(list(TwoHop().blocks(large, 5)), 5) == [(0, 2)]


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_keep_the_order(workers: int) -> None:
    data = Links.from_edges(ring(), batch_size=7, num_workers=workers)
    found = torch.cat([batch.pairs for batch in data.predict_dataloader()])
    assert torch.equal(found, data.graph.unlinked())
    data.ask("two-hop")
    near = torch.cat([batch.pairs for batch in data.predict_dataloader()])
    graph = Adjacency.from_edges(data.graph.pairs.t(), data.graph.num_nodes)
    assert torch.equal(near, found[common_neighbors(graph, found) > 0])
    with pytest.raises(ValueError, match="pairs='three-hop' must be 'all', 'two-hop'"):
        data.ask("three-hop")


@pytest.mark.parametrize("number", [1, 5, 60, None])
def test_best_equals_a_stable_sort(number: int | None) -> None:
    """Many equal scores, in parts of several sizes."""
    generator = torch.Generator().manual_seed(1)
    score = torch.randint(6, (50,), generator=generator).double()
    pairs = torch.randint(9, (50, 2), generator=generator)
    best = Best(number)
    for some in torch.arange(50).split([1, 9, 20, 0, 17, 3]):
        best.add(score[some], pairs[some])
    order = sorted(range(50), key=lambda k: -float(score[k]))[:number]
    assert torch.equal(best.scores, score[order])
    assert torch.equal(best.pairs, pairs[order])
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        best.add(torch.tensor([1.0, torch.nan]), pairs[:2])
