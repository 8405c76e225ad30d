"""WalkProfile: uniform transition weights, against dense matrices one subgraph at a time."""

from __future__ import annotations

import pytest
import torch
from walk_oracle import profile

from gpool.data import Links, Neighborhood
from gpool.link import WalkProfile


def test_equals_the_powers_of_dense_matrices() -> None:
    links = next(iter(Links(neighborhood=Neighborhood(1), batch_size=6).val_dataloader()))
    s = links.subgraphs
    layer = WalkProfile(walk_length=4)
    found = layer(links.x.double(), s)
    assert found.shape == (6, layer.out_channels)
    for b in range(s.num_graphs):
        nodes = (s.batch == b).nonzero().view(-1)
        first, mine = int(nodes[0]), s.batch[s.edge_index[0]] == b
        i, j = (s.target[b] - first).tolist()
        zeros = torch.zeros(int(mine.sum()), 1, dtype=torch.double)
        edges, own = s.edge_index[:, mine] - first, s.is_target[mine]
        torch.testing.assert_close(found[b], profile(zeros, edges, own, (i, j), nodes.numel(), 4))
    assert layer(None, s).dtype == torch.float32
    assert layer(links.x.half(), s).dtype == torch.half
    assert list(layer.parameters()) == []
    with pytest.raises(ValueError, match="walk_length=0"):
        WalkProfile(walk_length=0)
