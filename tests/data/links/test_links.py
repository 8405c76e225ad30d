"""Links: a user's own edges, splits, negatives, the policy of validation links, and what is refused."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from gpool.data import (
    LinkGraph,
    Links,
    LinkSplit,
    MissingData,
    Neighborhood,
    OnesFeatures,
    OwnFeatures,
)
from gpool.data.links.split import non_links, per_source_non_links, random_split

ROOT = Path(os.environ.get("GPOOL_DATA", "data"))
needs_files = pytest.mark.skipif(
    not (ROOT / "links" / "USAir.mat").is_file(), reason="GPOOL_DATA has no links/USAir.mat"
)


def keys(pairs: torch.Tensor) -> set[tuple[int, int]]:
    return {(min(p), max(p)) for p in pairs.tolist()}


def ring(nodes: int = 20) -> list[tuple[str, str]]:
    return [(f"n{k:02d}", f"n{(k + 1) % nodes:02d}") for k in range(nodes)] + [
        (f"n{k:02d}", f"n{(k + 3) % nodes:02d}") for k in range(nodes)
    ]


def test_les_miserables_needs_no_file() -> None:
    data = Links(root="nowhere")
    data.setup()
    assert data.graph.num_nodes == 77
    assert data.graph.pairs.shape == (254, 2)
    assert "Valjean" in data.graph.ids
    assert data.num_features == 16
    batch = next(iter(data.train_dataloader()))
    assert batch.num_links == 32
    assert batch.subgraphs is not None
    assert torch.equal(batch.subgraphs.node[batch.subgraphs.target], batch.pairs)
    assert batch.x.shape == (batch.subgraphs.num_nodes, 16)


def test_random_split_partitions_and_negatives_avoid_what_they_should() -> None:
    data = Links(split_seed=3)
    s, every = data.split, keys(data.graph.pairs)
    parts = [keys(s.train_pos), keys(s.val_pos), keys(s.test_pos)]
    assert set.union(*parts) == every
    assert sum(map(len, parts)) == len(every)
    assert not keys(s.test_neg) & every
    for neg in (s.train_neg, s.val_neg):
        assert not keys(neg) & parts[0]
        assert len(keys(neg)) == neg.size(0)
    again = Links(split_seed=3).split
    assert torch.equal(again.test_neg, s.test_neg)
    assert not torch.equal(Links(split_seed=3, fold=1).split.test_pos, s.test_pos)


@pytest.mark.parametrize(
    ("policy", "train", "test"), [("none", 0, 0), ("inference", 0, 1), ("train+inference", 1, 1)]
)
def test_policy_of_validation_links(policy, train, test) -> None:
    data = Links(val_edges=policy)
    s = data.split
    for stage, more in (("train", train), ("test", test)):
        links = s.train_pos.size(0) + more * s.val_pos.size(0)
        observed = data.observed(stage)
        assert observed.num_edges == 2 * links
        assert all(((int(i), int(j)) in observed) == bool(more) for i, j in s.val_pos[:3])
        assert not any((int(i), int(j)) in observed for i, j in s.test_pos)
    assert data.observed("predict").num_edges == 2 * 254
    assert data.describe()["val_edges"] == policy


def test_per_source_negatives() -> None:
    data = Links(negatives="per-source", negatives_per_link=5)
    s = data.split
    assert s.test_neg.shape == (5 * s.test_pos.size(0), 2)
    assert torch.equal(s.test_neg[:, 0], s.test_pos[s.test_group, 0])
    assert not keys(s.test_neg) & keys(data.graph.pairs)
    batches = list(data.test_dataloader())
    group = torch.cat([b.group for b in batches])
    y = torch.cat([b.y for b in batches])
    assert group[y == 1].tolist() == list(range(s.test_pos.size(0)))
    assert torch.bincount(group[y == 0]).tolist() == [5] * s.test_pos.size(0)


@pytest.mark.parametrize("nodes", [30, 5000])
def test_non_links_are_different_and_uniform_pairs(nodes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    links = torch.stack([torch.arange(nodes - 1), torch.arange(1, nodes)], 1)
    drawn = non_links(links, nodes, 300, generator)
    assert len(keys(drawn)) == 300
    assert not keys(drawn) & keys(links)
    assert (drawn[:, 0] < drawn[:, 1]).all()
    assert abs(drawn.double().mean() / (nodes - 1) - 0.5) < 0.06  # 5 sigma of 600 uniform numbers
    with pytest.raises(ValueError, match="too dense to draw negatives"):
        non_links(torch.combinations(torch.arange(4)), 4, 1, generator)
    full = torch.tensor([[0, 1], [0, 2]])
    with pytest.raises(ValueError, match="node 0 is linked to every other node"):
        per_source_non_links(full, full, 3, 2, generator)


def test_own_edges_of_every_kind_give_one_graph() -> None:
    names = LinkGraph.from_edges(ring())
    numbers = torch.tensor([[int(u[1:]), int(v[1:])] for u, v in ring()]).t()
    tensor = LinkGraph.from_edges(numbers)
    both = LinkGraph.from_edges(Data(edge_index=torch.cat([numbers, numbers.flip(0)], 1), num_nodes=20))
    assert torch.equal(names.pairs, tensor.pairs)
    assert torch.equal(names.pairs, both.pairs)
    assert names.ids[3] == "n03"
    assert names.position([("n03", "n01")]).tolist() == [[3, 1]]
    assert LinkGraph.from_edges([(2, "a"), ("a", 5)]).ids == [2, "a", 5]  # ids that have no order keep theirs
    assert LinkGraph.from_edges([("a", "b")], nodes=["b", "a", "c"]).pairs.tolist() == [[0, 1]]


def test_repeated_edges_and_loops_are_said() -> None:
    with pytest.warns(UserWarning, match="1 edges are listed more than once"):
        graph = LinkGraph.from_edges([("a", "b"), ("a", "b"), ("b", "c")])
    assert graph.pairs.tolist() == [[0, 1], [1, 2]]
    with pytest.warns(UserWarning, match="1 edges join a node to itself; they are left out"):
        assert LinkGraph.from_edges([("a", "a"), ("a", "b")]).pairs.tolist() == [[0, 1]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LinkGraph.from_edges([("a", "b"), ("b", "a")])  # both directions are one link, and no mistake


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinkGraph.from_edges([]), "edges is empty"),
        (lambda: LinkGraph.from_edges(torch.zeros(2, 0, dtype=torch.long)), "edges is empty"),
        (
            lambda: LinkGraph.from_edges(torch.tensor([[0], [7]]), nodes=3),
            "unknown node 7; ids must be 0 .. 2",
        ),
        (lambda: LinkGraph.from_edges(torch.tensor([[0], [-1]])), "unknown node -1"),
        (lambda: LinkGraph.from_edges(torch.zeros(3, 2)), r"must be \[2, E\] of integers"),
        (lambda: LinkGraph.from_edges([("a", "z")], nodes=["a", "b"]), "unknown node 'z'"),
        (lambda: LinkGraph.from_edges([("a", "b")], nodes=["a", "b", "a"]), "nodes holds 1 ids twice"),
        (
            lambda: LinkGraph.from_edges([("a", "b")], x=torch.zeros(3, 4)),
            r"x of shape \(3, 4\) must be \[2, F\]",
        ),
        (
            lambda: LinkGraph.from_edges([("a", "b")], x=torch.tensor([[0.0], [torch.nan]])),
            "NaN or infinite features in 1 rows, the first of node 1",
        ),
        (
            lambda: LinkGraph.from_edges([("a", "b")]).position([("a", "q")]),
            r"pairs\[0\] = \('a', 'q'\) holds the unknown node 'q'",
        ),
        (
            lambda: LinkGraph.from_edges([("a", "b")]).position([("a", "b"), ("b", "b")]),
            r"pairs\[1\] = \('b', 'b'\) joins a node to itself",
        ),
        (lambda: Links("USAirr").graph, "name='USAirr' must be one of LesMiserables, USAir"),
        (lambda: Links(val_edges="always"), "val_edges='always' must be 'none', 'inference' or"),
        (lambda: Links(negatives="given"), "negatives='given' needs a published split"),
        (lambda: Links(negatives="hard"), "negatives='hard' must be"),
        (
            lambda: Links("USAir", graph=LinkGraph.from_edges([("a", "b")])),
            "give either name='USAir' or a graph",
        ),
        (lambda: Links(val_fraction=0.0).split, "val_fraction=0.0 must be between 0 and 1"),
        (lambda: Links(val_fraction=0.5, test_fraction=0.5).split, "leave nothing to train on"),
        (
            lambda: (
                Links.from_edges(
                    [("a", "b")], nodes=["a", "b", "c"], val_fraction=0.3, test_fraction=0.3
                ).split
            ),
            "train_pos is empty",
        ),
        (lambda: Links(features=OwnFeatures()).x, "needs a graph with node features"),
        (lambda: Links(batch_size=0).train_dataloader(), "batch_size=0 must be at least 1"),
        (lambda: Neighborhood(num_hops=0), "num_hops=0 must be at least 1"),
        (lambda: OnesFeatures(0), "channels=0 must be at least 1"),
    ],
)
def test_errors(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"needs .*links/USAir\.mat"):
        _ = Links("USAir", root=tmp_path).graph


def test_a_split_of_ones_own() -> None:
    pairs = torch.combinations(torch.arange(6))
    split = LinkSplit(pairs[:5], pairs[5:8], pairs[8:9], pairs[9:10], pairs[10:12], pairs[12:14])
    data = Links.from_edges(pairs[[0, 1, 2, 3, 4, 8, 10, 11]].t(), nodes=6, split=split)
    assert data.negatives == "given"
    assert torch.equal(data.split.test_neg, split.test_neg)
    with pytest.raises(ValueError, match=r"train_pos of shape \(5,\) must be"):
        LinkSplit(torch.zeros(5), *[pairs] * 5)


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
    for _ in range(2):  # written, then read
        kept = list(Links(neighborhood=here, cache=tmp_path).test_dataloader())
        for a, b in zip(plain, kept, strict=True):
            assert torch.equal(a.x, b.x)
            assert torch.equal(a.labels, b.labels)
            for name in (
                "edge_index",
                "is_target",
                "target",
                "node",
                "edge",
                "order",
                "end_edge",
                "end_slot",
            ):
                assert torch.equal(getattr(a.subgraphs, name), getattr(b.subgraphs, name)), name
    assert len(list(tmp_path.iterdir())) == 1
    list(Links(neighborhood=here, cache=tmp_path, fold=1).test_dataloader())
    assert len(list(tmp_path.iterdir())) == 2


def test_workers_give_the_same_batches() -> None:
    here = [b.subgraphs.node for b in Links().test_dataloader()]
    there = [b.subgraphs.node for b in Links(num_workers=2).test_dataloader()]
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


@needs_files
def test_published_splits_partition_the_links() -> None:
    """The files count nodes from 1; every split's links are exactly the graph's."""
    for name, share in (("USAir", 90), ("NS", 50), ("Celegans", 90)):
        data = Links(name, root=ROOT, share=share, fold=2)
        s, every = data.split, keys(data.graph.pairs)
        parts = [keys(s.train_pos), keys(s.val_pos), keys(s.test_pos)]
        assert set.union(*parts) == every
        assert sum(map(len, parts)) == len(every)
        assert not (keys(s.train_neg) | keys(s.val_neg) | keys(s.test_neg)) & every
        assert abs(len(parts[2]) / len(every) - (1 - share / 100)) < 0.01
    for wrong, message in (
        ({"fold": 10}, "fold=10 must be 0 .. 9"),
        ({"share": 80}, "share=80 must be 90 or 50"),
    ):
        with pytest.raises(ValueError, match=message):
            _ = Links("USAir", root=ROOT, **wrong).split


@pytest.mark.skipif(not (ROOT / "webkb" / "yandex_npz").is_dir(), reason="GPOOL_DATA has no webkb/yandex_npz")
def test_flawed_sets_are_repaired_by_default() -> None:
    for name, nodes, links in (("cornell", 183, 277), ("chameleon", 890, 8854), ("squirrel", 2223, 46998)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            graph = Links(name, root=ROOT).graph
        held = np.load(
            ROOT / "webkb" / "yandex_npz" / {"cornell": "cornell.npz"}.get(name, f"{name}_filtered.npz")
        )
        undirected = np.unique(np.sort(held["edges"], 1), axis=0)
        proper = int((undirected[:, 0] != undirected[:, 1]).sum())
        assert graph.num_nodes == nodes
        assert graph.pairs.size(0) == proper
        assert abs(proper - links) / links < 0.08
    with pytest.warns(UserWarning, match="cornell: its feature file is that of Texas"):
        _ = Links("cornell", root=ROOT, repaired=False).graph
    wisconsin = Links("wisconsin", root=ROOT).graph  # symmetrized, not cut to u < v
    assert wisconsin.pairs.size(0) == 450


@pytest.mark.skipif(not (ROOT / "planetoid" / "Cora").is_dir(), reason="GPOOL_DATA has no planetoid/Cora")
def test_planetoid() -> None:
    graph = Links("Cora", root=ROOT).graph
    assert graph.pairs.size(0) == 5278
    assert graph.x.shape == (2708, 1433)


def test_random_split_rejects_zero_negatives() -> None:
    with pytest.raises(ValueError, match="negatives_per_link=0 must be at least 1"):
        random_split(Links().graph, negatives_per_link=0)
