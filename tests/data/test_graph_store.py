"""Batches sliced out of the store equal PyG's own, for random graphs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import Batch, Data

from gpool.data.graph_store import CollatedGraphs, FetchedGraphs, can_collate


def random_graphs(sizes: list[int], weights: bool, more: bool, seed: int) -> list[Data]:
    """Graphs with these numbers of nodes; some have no edges, some nodes are isolated."""
    generator = torch.Generator().manual_seed(seed)
    graphs = []
    for k, size in enumerate(sizes):
        edges = int(torch.randint(0, 2 * size, (1,), generator=generator))
        graph = Data(
            x=torch.randn(size, 3, generator=generator),
            edge_index=torch.randint(0, size, (2, edges), generator=generator),
            y=torch.tensor([k % 3]),
        )
        if weights:
            graph.edge_attr = torch.randn(edges, 2, generator=generator)
        if more:
            graph.id, graph.weight, graph.number = f"g{k}", 0.5 * k, k
            graph.pos = torch.randn(size, 2, generator=generator)
            graph.root_index = torch.randint(0, size, (1,), generator=generator)
            graph.scale = torch.tensor(float(k))
            graph.num_nodes = size
        graphs.append(graph)
    return graphs


def assert_same(ours: Data, theirs: Data) -> None:
    assert type(ours) is type(theirs)
    ours_dict, theirs_dict = ours.to_dict(), theirs.to_dict()
    assert list(ours_dict) == list(theirs_dict)
    for key, value in theirs_dict.items():
        if isinstance(value, Tensor):
            assert ours_dict[key].dtype == value.dtype
            assert torch.equal(ours_dict[key], value), key
        else:
            assert ours_dict[key] == value, key


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=9),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**16),
    st.data(),
)
def test_batches_equal_those_of_pyg(
    sizes: list[int], weights: bool, more: bool, seed: int, draw: st.DataObject
) -> None:
    graphs = random_graphs(sizes, weights, more, seed)
    store = CollatedGraphs(graphs)
    positions = draw.draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=12))
    ours, theirs = store.batch(positions), Batch.from_data_list([graphs[k] for k in positions])
    assert_same(ours, theirs)
    assert ours.num_graphs == theirs.num_graphs == len(positions)
    for one, other in zip(ours.to_data_list(), theirs.to_data_list(), strict=True):
        assert_same(one, other)
    for k, graph in enumerate(graphs):
        assert torch.equal(store[k].x, graph.x)
        assert torch.equal(store[k].edge_index, graph.edge_index)


class Paired(Data):
    """Graphs whose attribute counts in its own way."""

    def __inc__(self, key: str, value: object, *args: object) -> object:
        return 10 if key == "pair" else super().__inc__(key, value, *args)


def test_graphs_with_own_rules_are_left_to_pyg() -> None:
    plain = random_graphs([3, 2], False, False, 0)
    assert can_collate(plain[0])
    own = [Paired(x=g.x, edge_index=g.edge_index, y=g.y, pair=torch.tensor([k])) for k, g in enumerate(plain)]
    assert not can_collate(own[0])
    store = FetchedGraphs(lambda positions: [own[k] for k in positions], 2, lambda graph, _: graph)
    assert store.batch([1, 0]).pair.tolist() == [1, 10]
    assert [graph.pair.item() for graph in store] == [0, 1]
    nested = plain[0].clone()
    nested.more = {"a": torch.zeros(1)}
    assert not can_collate(nested)


@pytest.mark.parametrize("at", [2, -3])
def test_a_position_out_of_range(at: int) -> None:
    store = CollatedGraphs(random_graphs([3, 2], True, True, 1))
    with pytest.raises(IndexError):
        store[at]
    assert store[-1].num_nodes == 2
    assert [graph.num_nodes for graph in store[:1]] == [3]
