"""The extrapolation tasks: targets recomputed another way, sizes inside and outside of the training range."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from gpool.data import Extrapolation
from gpool.data.graph_families import FAMILIES, family_graph


def test_max_degree_is_the_largest_degree_of_a_simple_undirected_graph() -> None:
    data = Extrapolation("max_degree", train=18, val=3, test=9)
    for position, graph in enumerate(data.graphs):
        degree = torch.bincount(graph.edge_index[1], minlength=graph.num_nodes)
        assert graph.y.item() == degree.max().item()
        assert graph.x.shape == (graph.num_nodes, 3)
        assert graph.is_undirected()
        assert not graph.has_self_loops()
        large = position in data.split.test
        assert (50 <= graph.num_nodes <= 99) if large else (20 <= graph.num_nodes <= 29)


def test_shortest_path_is_that_of_three_rounds_of_bellman_ford() -> None:
    data = Extrapolation("shortest_path", train=18, val=3, test=9)
    for position, graph in enumerate(data.graphs):
        source, target = graph.x[:, 1].nonzero().item(), graph.x[:, 2].nonzero().item()
        length = torch.full((graph.num_nodes,), torch.inf)
        length[source] = 0
        for rounds in range(graph.num_nodes):
            through = length[graph.edge_index[0]] + graph.edge_attr.squeeze(-1)
            length = length.scatter_reduce(0, graph.edge_index[1], through, "amin")
            if rounds == 2:
                at_three = length[target].item()
        assert graph.y.item() == pytest.approx(length[target].item(), rel=1e-5)
        assert at_three == pytest.approx(graph.y.item(), rel=1e-5)  # at most 3 edges
        large = position in data.split.test
        assert (50 <= graph.num_nodes <= 69) if large else (20 <= graph.num_nodes <= 39)
        assert graph.edge_attr.min() >= 1
        assert graph.edge_attr.max() <= (10 if large else 5)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "harmonic"])
def test_sets(name: str) -> None:
    data = Extrapolation(name, train=10, val=2, test=4)
    for position, graph in enumerate(data.graphs):
        v = graph.x.squeeze(-1).double()
        wanted = 1 / (1 / v).mean() if name == "harmonic" else getattr(v, name)()
        assert graph.y.item() == pytest.approx(wanted.item(), rel=1e-5)
        large = position in data.split.test
        assert (50 <= len(v) <= 99) if large else (5 <= len(v) <= 20)
        assert v.max() <= (4.5 if large else 1.5)
    assert data.num_features == data.num_outputs == 1


@pytest.mark.parametrize("name", ["max_degree", "shortest_path"])
@pytest.mark.parametrize(
    ("features", "bounds"), [("uniform", (5, 5)), ("wide", (5, 10)), ("integers", (5, 5))]
)
def test_ranges_of_the_features(name: str, features: str, bounds: tuple[float, float]) -> None:
    data = Extrapolation(name, features=features, train=12, val=2, test=12)
    width = 3 if name == "max_degree" else 1
    for part, bound in zip((data.split.train, data.split.test), bounds, strict=True):
        x = torch.cat([data.graphs[i].x[:, :width] for i in part])
        assert x.abs().max() <= bound
        assert x.abs().max() > 0.9 * bound
        assert (x.min() >= 1) == (features == "integers")
        assert torch.equal(x, x.round()) == (features == "integers")


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_what_they_are_called(family: str) -> None:
    for nth in range(9):
        graph = family_graph(family, 20, np.random.default_rng(nth), nth)
        assert nx.is_connected(graph)
        assert graph.number_of_nodes() == 20
        degrees = sorted({d for _, d in graph.degree})
        known = {"path": [1, 2], "cycle": [2], "ladder": [2, 3], "4-regular": [4], "complete": [19]}
        assert degrees == known.get(family, degrees)
        assert family != "tree" or nx.is_tree(graph)
    assert Extrapolation(family=family, train=2, val=1, test=1).graphs[0].num_nodes >= 20


def test_the_same_seed_gives_the_same_graphs_and_parts_do_not_overlap() -> None:
    one, two = (Extrapolation("max_degree", train=6, val=3, test=3, data_seed=seed) for seed in (0, 0))
    assert all(torch.equal(a.x, b.x) for a, b in zip(one.graphs, two.graphs, strict=True))
    other = Extrapolation("max_degree", train=6, val=3, test=3, data_seed=1)
    assert not torch.equal(one.graphs[0].x, other.graphs[0].x)
    assert np.concatenate(one.split).tolist() == list(range(12))
    assert [len(part) for part in one.split] == [6, 3, 3]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"name": "diameter"}, "name='diameter'"), ({"family": "star"}, "family='star'"), ({"val": 0}, "val=0")],
)
def test_bad_options_are_refused_by_name(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Extrapolation(**options)
