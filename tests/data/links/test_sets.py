"""Graphs and published splits by name: whatever lies below the data root."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix
from small_graphs import keys, weighted

from gpool.data import Links, MissingData, PublishedSplit, RandomSplit

ROOT = Path(os.environ.get("GPOOL_DATA", "data"))
needs_files = pytest.mark.skipif(
    not (ROOT / "links" / "USAir.mat").is_file(), reason="GPOOL_DATA has no links/USAir.mat"
)


@pytest.fixture
def router(tmp_path: Path) -> Path:
    """A root with the ring of six nodes as Router.mat, and two splits of it in a folder of its own."""
    ring = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [0, 5]])
    rows, columns = torch.cat([ring, ring.flip(1)]).t().numpy()
    (tmp_path / "links").mkdir()
    net = csc_matrix((np.ones(12), (rows, columns)), shape=(6, 6))
    savemat(tmp_path / "links" / "Router.mat", {"net": net})
    for folder in ("splits/walkpool_links/splitted", "mine"):
        (tmp_path / folder).mkdir(parents=True)
        for number, test in ((1, [4, 5]), (2, [0, 1])):
            train = [k for k in range(6) if k not in test]
            parts = {
                "train_pos": ring[train],
                "train_neg": torch.tensor([[0, 2], [1, 3], [2, 4], [3, 5]]),
                "test_pos": ring[test],
                "test_neg": torch.tensor([[0, 4], [1, 5]]),
            }
            path = tmp_path / folder / f"Router_split_{number}.mat"
            savemat(path, {name: (pairs.numpy() + 1).astype(np.uint16) for name, pairs in parts.items()})
    return tmp_path


def test_any_graph_below_the_root_goes_by_its_name(router: Path) -> None:
    data = Links("Router", root=router)
    assert data.graph.num_nodes == 6
    assert data.negatives == "given"
    assert data.split.test_pos.tolist() == [[4, 5], [0, 5]]
    assert Links("Router", root=router, fold=1).split.test_pos.tolist() == [[0, 1], [1, 2]]
    mine = Links("Router", root=router, split=PublishedSplit(folder="mine"), fold=1)
    assert mine.split.test_pos.tolist() == [[0, 1], [1, 2]]
    random = Links("Router", root=router, split=RandomSplit(0.2, 0.2))
    assert random.negatives == "random"
    assert random.split.test_pos.size(0) == 1


def test_weights_and_directions_in_a_file_are_refused(router: Path) -> None:
    path = router / "links" / "Weighted.mat"
    for values, message in (
        ([1.0, 0.5, 1.0], r"Weighted\.mat: net holds weights from 0\.5 to 1"),
        ([1.0, 1.0, 1.0], r"Weighted\.mat: edges is a directed graph: 1 of its 3 edges, such as \(1, 2\)"),
    ):
        savemat(path, {"net": csc_matrix((values, ([0, 1, 1], [1, 0, 2])), shape=(3, 3))})
        with pytest.raises(ValueError, match=message):
            _ = Links("Weighted", root=router).graph


def test_drawn_negatives_leave_the_published_links(router: Path) -> None:
    data = Links("Router", root=router, negatives="per-source")
    assert data.split.test_pos.tolist() == [[4, 5], [0, 5]]
    assert data.describe()["split"] == "published, splits/walkpool_links/splitted"
    assert data.describe()["negatives"] == "per-source"
    assert Links().describe()["split"] == "random, 0.05 and 0.1 held out, seed 0"


def test_a_published_split_with_a_leak_on_purpose_is_read(router: Path) -> None:
    path = router / "mine" / "Router_split_1.mat"
    held = {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
    savemat(path, held | {"test_neg": held["train_neg"][:2]})
    with pytest.raises(ValueError, match=r"split_1\.mat: negative in two parts: 2 of test_neg are also"):
        _ = Links("Router", root=router, split=PublishedSplit(folder="mine")).split
    told = PublishedSplit(folder="mine", allow=("negative in two parts",))
    data = Links("Router", root=router, split=told)
    with pytest.warns(UserWarning, match="negative in two parts: 1 of test_neg are also in"):
        described = data.describe()
    assert described["leaks"] == "negative in two parts"


def test_the_share_that_is_there_is_read(router: Path) -> None:
    folder = router / "splits" / "walkpool_links"
    (folder / "splitted").rename(folder / "splitted_0_5")
    data = Links("Router", root=router)
    assert data.split.test_pos.tolist() == [[4, 5], [0, 5]]
    assert data.describe()["split"] == "published, splits/walkpool_links/splitted_0_5"


def test_a_graph_without_published_splits_is_split_at_random(router: Path) -> None:
    for path in (router / "splits").rglob("*.mat"):
        path.unlink()
    data = Links("Router", root=router)
    assert data.negatives == "random"
    with pytest.raises(MissingData, match=r"needs .*splitted/Router_split_1\.mat"):
        _ = Links("Router", root=router, split=PublishedSplit()).split


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"needs .*links/USAir\.mat"):
        _ = Links("USAir", root=tmp_path).graph


@needs_files
def test_published_splits_partition_the_links() -> None:
    """The files count nodes from 1; every split's links are exactly the graph's."""
    for name, share in (("USAir", 90), ("NS", 50), ("Celegans", 90)):
        data = Links(name, root=ROOT, split=PublishedSplit(share), fold=2)
        s, every = data.split, keys(data.graph.pairs)
        parts = [keys(s.train_pos), keys(s.val_pos), keys(s.test_pos)]
        assert set.union(*parts) == every
        assert sum(map(len, parts)) == len(every)
        assert not (keys(s.train_neg) | keys(s.val_neg) | keys(s.test_neg)) & every
        assert abs(len(parts[2]) / len(every) - (1 - share / 100)) < 0.01
    with pytest.raises(ValueError, match=r"fold=10 must be one of 0, 1, .*, 9, the splits of USAir in"):
        _ = Links("USAir", root=ROOT, fold=10).split
    with pytest.raises(ValueError, match="share=80 must be 90 or 50"):
        PublishedSplit(share=80)


@needs_files
def test_the_same_seeds_give_the_same_published_split() -> None:
    """Weighted sums of the ids, recorded when this was first written."""
    for split, fold, sums in (
        (None, 2, [1210206217, 1103390749, 3480641, 2853098, 19648096, 14856608]),
        (PublishedSplit(50, 0.1, seed=4), 0, [339618423, 309823441, 3931631, 3492619, 494992556, 371293731]),
    ):
        parts = Links("USAir", root=ROOT, split=split, fold=fold).split
        names = ("train_pos", "train_neg", "val_pos", "val_neg", "test_pos", "test_neg")
        assert [weighted(getattr(parts, name)) for name in names] == sums


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
    with pytest.warns(UserWarning, match="cornell-original: its feature file is that of Texas"):
        _ = Links("cornell-original", root=ROOT).graph
    wisconsin = Links("wisconsin", root=ROOT).graph  # symmetrized, not cut to u < v
    assert wisconsin.pairs.size(0) == 450


@pytest.mark.skipif(not (ROOT / "planetoid" / "Cora").is_dir(), reason="GPOOL_DATA has no planetoid/Cora")
def test_planetoid() -> None:
    graph = Links("Cora", root=ROOT).graph
    assert graph.pairs.size(0) == 5278
    assert graph.x.shape == (2708, 1433)
