"""Random splits: parts, negatives, and the same numbers for the same seeds."""

from __future__ import annotations

import pytest
import torch
from small_graphs import keys, weighted

from gpool.data import Links, RandomSplit


def test_random_split_partitions_and_negatives_avoid_what_they_should() -> None:
    data = Links(split=RandomSplit(seed=3))
    s, every = data.split, keys(data.graph.pairs)
    parts = [keys(s.train_pos), keys(s.val_pos), keys(s.test_pos)]
    assert set.union(*parts) == every
    assert sum(map(len, parts)) == len(every)
    assert not keys(s.test_neg) & every
    for neg in (s.train_neg, s.val_neg):
        assert not keys(neg) & every
        assert len(keys(neg)) == neg.size(0)
    again = Links(split=RandomSplit(seed=3)).split
    assert torch.equal(again.test_neg, s.test_neg)
    assert not torch.equal(Links(split=RandomSplit(seed=3), fold=1).split.test_pos, s.test_pos)


def test_the_same_seeds_give_the_same_split() -> None:
    """Sizes and weighted sums of the ids, recorded when this was first written."""
    parts = Links(split=RandomSplit(0.1, 0.2, seed=3), fold=1).split.parts()
    found = {name: (len(pairs), weighted(pairs)) for name, pairs in parts.items()}
    assert found == {
        "train_pos": (179, 2468478),
        "train_neg": (179, 2437542),
        "val_pos": (25, 48287),
        "val_neg": (25, 52587),
        "test_pos": (50, 197672),
        "test_neg": (50, 206826),
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomSplit(val_fraction=0.0), "val_fraction=0.0 must be between 0 and 1"),
        (lambda: RandomSplit(0.5, 0.5), "leave nothing to train on"),
        (
            lambda: Links.from_edges([("a", "b")], nodes=["a", "b", "c"], split=RandomSplit(0.3, 0.3)).split,
            "train_pos is empty",
        ),
        (
            lambda: Links(graph=Links().graph, split=Links().split, negatives_per_link=2),
            "negatives_per_link=2 must be 1: the split gives its negatives",
        ),
        (lambda: Links(negatives_per_link=0), "negatives_per_link=0 must be at least 1"),
    ],
)
def test_errors(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()
