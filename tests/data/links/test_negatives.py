"""Negatives: pairs that are not linked, one by one or for every positive."""

from __future__ import annotations

import pytest
import torch
from small_graphs import keys

from gpool.data import Links
from gpool.data.links.negatives import non_links, per_source_non_links


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
