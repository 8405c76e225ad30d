"""Digits, TU and folds: what is delivered, checked against slow loops and hand-written files."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tu_writer import write_tu

from gpool.data import TU, Digits, MissingData, data_root, stratified_split
from gpool.data.digits import image_graph


def slow_image_graph(image: torch.Tensor) -> tuple[list[list[float]], set[tuple[int, int]]]:
    height, width = image.shape
    ink = [(r, c) for r in range(height) for c in range(width) if image[r, c] > 0]
    x = [[image[r, c].item(), 2 * c / (width - 1) - 1, 2 * r / (height - 1) - 1] for r, c in ink]
    near = lambda a, b: a != b and max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1  # noqa: E731
    return x, {(i, j) for i, a in enumerate(ink) for j, b in enumerate(ink) if near(a, b)}


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**16), st.floats(0, 1))
def test_image_graph_equals_a_slow_loop(height: int, width: int, seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(height, width, generator=generator)
    image[torch.rand(height, width, generator=generator) > share] = 0
    graph = image_graph(image, 3)
    x, edges = slow_image_graph(image)
    assert graph.edge_index.size(1) == len(edges)
    assert set(map(tuple, graph.edge_index.t().tolist())) == edges
    assert graph.x.shape == (len(x), 3)
    assert torch.allclose(graph.x, torch.tensor(x).view(-1, 3))


def test_digits_are_scikit_learns() -> None:
    data = Digits(batch_size=64)
    data.setup()
    assert len(data.graphs) == 1797
    assert (data.num_features, data.num_outputs, data.task) == (3, 10, "multiclass")
    assert sorted(np.concatenate(data.split)) == list(range(1797))
    batch = next(iter(data.val_dataloader()))
    assert batch.num_graphs == 64
    assert batch.x.size(1) == 3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), st.integers(0, 1000))
def test_folds_part_the_graphs_and_keep_the_classes_balance(fold: int, seed: int) -> None:
    labels = np.array([0] * 120 + [1] * 60 + [2] * 20)
    split = stratified_split(labels, fold, seed=seed)
    assert sorted(np.concatenate(split)) == list(range(200))
    assert np.bincount(labels[split.test]).tolist() == [12, 6, 2]
    assert len(split.val) == 18
    again = stratified_split(labels, fold, seed=seed)
    assert all((a == b).all() for a, b in zip(split, again, strict=True))


def test_every_graph_is_tested_once() -> None:
    labels = np.arange(187) % 3
    tested = np.concatenate([stratified_split(labels, fold).test for fold in range(10)])
    assert sorted(tested) == list(range(187))


def test_fold_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match=r"fold=10 must be between 0 and 9"):
        stratified_split(np.arange(20) % 2, fold=10)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.mark.usefixtures("offline")
def test_tu_reads_what_lies_under_the_root(tmp_path: Path) -> None:
    write_tu(tmp_path, "PATHS", node_labels=True)
    data = TU("PATHS", root=tmp_path, folds=5)
    assert (len(data.graphs), data.num_features, data.num_outputs) == (20, 2, 2)
    assert len(data.split.test) == 4


@pytest.mark.usefixtures("offline")
def test_tu_without_features_gets_one_hot_degrees(tmp_path: Path) -> None:
    write_tu(tmp_path, "BARE", node_labels=False)
    graph = TU("BARE", root=tmp_path, max_degree=1).graphs[0]  # a path of 3 nodes: degrees 1, 2, 1
    assert graph.x.tolist() == [[0, 1], [0, 1], [0, 1]]
    graph = TU("BARE", root=tmp_path, max_degree=2).graphs[0]
    assert graph.x.tolist() == [[0, 1, 0], [0, 0, 1], [0, 1, 0]]


@pytest.mark.usefixtures("offline")
def test_tu_adds_degrees_to_features(tmp_path: Path) -> None:
    write_tu(tmp_path, "PATHS", node_labels=True)
    plain, both = (TU("PATHS", root=tmp_path, add_degree=add).graphs for add in (False, True))
    for before, after in zip(plain, both, strict=True):
        ends = [1 if i in (0, before.num_nodes - 1) else 2 for i in range(before.num_nodes)]
        assert torch.equal(after.x[:, :2], before.x)
        assert after.x[:, 2:].argmax(1).tolist() == ends
        assert after.x.size(1) == 2 + 3


@pytest.mark.usefixtures("offline")
def test_tu_standardizes_by_the_training_graphs(tmp_path: Path) -> None:
    write_tu(tmp_path, "BOTH", node_labels=True, attributes=True)
    raw = TU("BOTH", root=tmp_path, folds=5, fold=3)
    scaled = TU("BOTH", root=tmp_path, folds=5, fold=3, attributes="standardized")
    nodes = torch.cat([raw.graphs[i].x for i in raw.split.train])
    assert (scaled.split.train == raw.split.train).all()
    for before, after in zip(raw.graphs, scaled.graphs, strict=True):
        first = (before.x[:, 0] - nodes[:, 0].mean()) / nodes[:, 0].std(correction=0)
        torch.testing.assert_close(after.x[:, 0], first)
        assert (after.x[:, 1] == 0).all()  # constant: shifted only
        assert torch.equal(after.x[:, 2:], before.x[:, 2:])  # labels
    labels = TU("BOTH", root=tmp_path, attributes="none").graphs[0].x
    assert set(labels.unique().tolist()) == {0.0, 1.0}


@pytest.mark.usefixtures("offline")
def test_tu_reads_published_folds(tmp_path: Path) -> None:
    write_tu(tmp_path, "PATHS", node_labels=True)
    folder = tmp_path / "splits" / "PATHS" / "7"
    folder.mkdir(parents=True)
    for part, positions in {"train": range(2, 20), "test": range(2)}.items():
        (folder / f"{part}_idx-2.txt").write_text("\n".join(map(str, positions)))
    data = TU(
        "PATHS", root=tmp_path, fold=1, split_seed=7, split_files="splits/{name}/{seed}", val_fraction=1 / 9
    )
    assert data.split.test.tolist() == [0, 1]
    assert len(data.split.val) == 2
    assert sorted(np.concatenate(data.split)) == list(range(20))


@pytest.mark.usefixtures("offline")
def test_a_missing_set_says_what_to_place_where(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"'NONE' is not under .*tu/NONE/raw .*NONE_A\.txt.*GPOOL_DATA"):
        _ = TU("NONE", root=tmp_path).graphs


def test_data_root_is_the_argument_then_the_environment_then_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPOOL_DATA", raising=False)
    assert data_root() == Path("data")
    monkeypatch.setenv("GPOOL_DATA", "elsewhere")
    assert data_root() == Path("elsewhere")
    assert data_root("here") == Path("here")


def test_loaders_of_one_seed_deliver_the_same_batches() -> None:
    def order() -> list[int]:
        torch.manual_seed(5)
        torch.rand(7)  # a model may have drawn numbers first
        return [batch.num_nodes for batch in Digits(batch_size=128).train_dataloader()]

    assert order() == order()
