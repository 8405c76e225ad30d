"""Negatives: pairs that are not linked, one by one or for every positive."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_graphs import keys

from gpool.data import Links
from gpool.data.links.negatives import non_links, per_source_non_links


def test_per_source_negatives() -> None:
    data = Links(negatives="per-source", negatives_per_link=5)
    s = data.split
    assert s.test_neg.shape == (5 * s.test_pos.size(0), 2)
    assert ((s.test_neg == s.test_pos[s.test_group]).sum(1) == 1).all()  # one end stays
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


def test_either_end_of_a_link_is_replaced_with_equal_chance() -> None:
    path = torch.stack([torch.arange(29), torch.arange(1, 30)], 1)
    drawn, group = per_source_non_links(path, path, 30, 100, torch.Generator().manual_seed(0))
    first, second = drawn[:, 0] == path[group, 0], drawn[:, 1] == path[group, 1]
    assert (first ^ second).all()
    assert abs(first.double().mean() - 0.5) < 0.05  # 5 sigma of 2,900 fair coins
    assert not keys(drawn) & keys(path)


def test_an_end_without_partners_stays_as_it_is() -> None:
    star = torch.tensor([[0, 1], [0, 2], [0, 3]])
    drawn, _ = per_source_non_links(star, star, 4, 20, torch.Generator().manual_seed(0))
    assert not (drawn == 0).any()
    full = torch.tensor([[0, 1], [0, 2], [1, 2]])
    with pytest.raises(ValueError, match=r"link \(0, 1\) has no negatives of its own"):
        per_source_non_links(full, full, 3, 2, torch.Generator())


@pytest.mark.parametrize("negatives", ["random", "per-source"])
def test_negatives_are_drawn_for_the_positives_of_a_split_of_ones_own(negatives: Any) -> None:
    own = Links().split
    data = Links(graph=Links().graph, split=own, negatives=negatives, negatives_per_link=2)
    found = data.split
    for part in ("train_pos", "val_pos", "test_pos"):
        assert torch.equal(getattr(found, part), getattr(own, part))
    assert found.test_neg.size(0) == 2 * own.test_pos.size(0)
    assert data.describe()["split"] == "own"
    assert data.describe()["negatives"] == negatives
    assert not torch.equal(
        Links(graph=data.graph, split=own, negatives=negatives, fold=1).split.test_neg, own.test_neg
    )
