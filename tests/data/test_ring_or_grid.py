"""Ring and grid graphs: their edges and their coordinates."""

from __future__ import annotations

import pytest
import torch

from gpool.data import RingOrGrid


@pytest.mark.parametrize(
    ("name", "nodes", "edges"), [("ring", 3, 3), ("ring", 8, 8), ("grid", 4, 4), ("grid", 25, 40)]
)
def test_neighbors_are_near_and_all_there(name: str, nodes: int, edges: int) -> None:
    data = RingOrGrid(name, nodes)
    graph = data.graph
    assert graph.num_edges == 2 * edges
    assert graph.is_undirected()
    assert not graph.has_self_loops()
    assert torch.equal(graph.x, graph.y)
    assert graph.x.abs().max() <= 1
    length = (graph.x[graph.edge_index[0]] - graph.x[graph.edge_index[1]]).norm(dim=1)
    torch.testing.assert_close(length, length[:1].expand_as(length))
    apart = torch.cdist(graph.x, graph.x).fill_diagonal_(torch.inf)
    torch.testing.assert_close(apart.min(), length[0])
    assert (data.task, data.num_features, data.num_outputs) == ("regression", 2, 2)
    assert graph.train_mask.all()
    assert len(list(data.test_dataloader())) == 1


@pytest.mark.parametrize(("name", "nodes"), [("ring", 2), ("grid", 8), ("grid", 1), ("torus", 9)])
def test_bad_input(name: str, nodes: int) -> None:
    with pytest.raises(ValueError, match=rf"(nodes={nodes}|name='torus') must be"):
        RingOrGrid(name, nodes)
