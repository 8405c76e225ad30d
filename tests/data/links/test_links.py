"""Links: the data module as a whole, its options, and who sees the validation links."""

from __future__ import annotations

import inspect

import pytest
import torch

from gpool.data import (
    LinkGraph,
    Links,
    LinkSplit,
    Neighborhood,
    OnesFeatures,
    OwnFeatures,
    PublishedSplit,
)


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


def test_at_most_twelve_arguments_all_but_the_name_by_keyword() -> None:
    name, *others = inspect.signature(Links).parameters.values()
    assert name.name == "name"
    assert len(others) < 12
    assert all(p.kind is p.KEYWORD_ONLY for p in others)


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


def test_a_split_of_ones_own() -> None:
    pairs = torch.combinations(torch.arange(6))
    split = LinkSplit(pairs[:5], pairs[5:8], pairs[8:9], pairs[9:10], pairs[10:12], pairs[12:14])
    data = Links.from_edges(pairs[[0, 1, 2, 3, 4, 8, 10, 11]].t(), nodes=6, split=split)
    assert data.negatives == "given"
    assert torch.equal(data.split.test_neg, split.test_neg)
    with pytest.raises(ValueError, match=r"train_pos of shape \(5,\) must be"):
        LinkSplit(torch.zeros(5), *[pairs] * 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Links(val_edges="always"), "val_edges='always' must be 'none', 'inference' or"),
        (lambda: Links(negatives="given"), "negatives='given' needs a published split"),
        (lambda: Links(negatives="hard"), "negatives='hard' must be"),
        (
            lambda: Links("USAir", graph=LinkGraph.from_edges([("a", "b")])),
            "give either name='USAir' or a graph",
        ),
        (lambda: Links(split=PublishedSplit()), "needs the name of a set"),
        (lambda: Links("../USAir"), "name='../USAir' must be letters, digits"),
        (lambda: Links(features=OwnFeatures()).x, "needs a graph with node features"),
        (lambda: Links(batch_size=0).train_dataloader(), "batch_size=0 must be at least 1"),
        (lambda: Neighborhood(num_hops=0), "num_hops=0 must be at least 1"),
        (lambda: OnesFeatures(0), "channels=0 must be at least 1"),
    ],
)
def test_errors(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()
