"""Batches of target links: sizes, the whole graph, the cache, workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from small_graphs import ring

from gpool.data import Links, Neighborhood


def test_last_batch_is_never_a_single_link() -> None:
    data = Links.from_edges(ring(), batch_size=3)
    sizes = [b.num_links for b in data.train_dataloader()]
    assert sum(sizes) == data.split.train_pos.size(0) + data.split.train_neg.size(0)
    assert min(sizes) > 1
    assert max(sizes) <= 4


def test_whole_graph_batches() -> None:
    data = Links(neighborhood=None)
    batch = next(iter(data.test_dataloader()))
    assert batch.subgraphs is None
    assert batch.x.shape == (77, 16)
    assert batch.edge_index.size(1) == data.observed("test").num_edges


def test_cache_gives_the_same_batches(tmp_path: Path) -> None:
    here = Neighborhood(num_hops=1, cap=6, labels=True, seed=2)
    plain = list(Links(neighborhood=here).test_dataloader())
    kept_there = replace(here, cache=tmp_path)
    for _ in range(2):  # written, then read
        kept = list(Links(neighborhood=kept_there).test_dataloader())
        for a, b in zip(plain, kept, strict=True):
            assert torch.equal(a.x, b.x)
            assert torch.equal(a.labels, b.labels)
            for name in (
                "edge_index",
                "is_target",
                "target",
                "node",
                "order",
                "end_edge",
                "end_slot",
            ):
                assert torch.equal(getattr(a.subgraphs, name), getattr(b.subgraphs, name)), name
    assert len(list(tmp_path.iterdir())) == 1
    list(Links(neighborhood=kept_there, fold=1).test_dataloader())
    assert len(list(tmp_path.iterdir())) == 2


def test_workers_give_the_same_batches() -> None:
    here = [b.subgraphs.node for b in Links().test_dataloader()]
    there = [b.subgraphs.node for b in Links(num_workers=2).test_dataloader()]
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_workers_leave_the_random_state_as_it_is() -> None:
    """What a model draws between batches, such as dropout, is the same in every epoch."""

    def drawn(workers: int) -> list[float]:
        torch.manual_seed(0)
        data = Links(num_workers=workers, neighborhood=None, batch_size=200)
        loaders = [data.train_dataloader(), data.val_dataloader()]
        return [float(torch.rand(()) + b.pairs.sum()) for _ in range(3) for loader in loaders for b in loader]

    assert drawn(0) == drawn(1)
