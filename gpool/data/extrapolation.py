"""Tasks whose test graphs or sets are larger than those in training."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch_geometric.data import Data

from gpool.data.base import GraphData, Task
from gpool.data.folds import Split
from gpool.data.graph_families import FAMILIES, family_graph

__all__ = ["Extrapolation"]

SETS: dict[str, Callable[[np.ndarray], float]] = {
    "sum": lambda v: v.sum(),
    "mean": lambda v: v.mean(),
    "max": lambda v: v.max(),
    "min": lambda v: v.min(),
    "harmonic": lambda v: len(v) / (1 / v).sum(),
}


class Extrapolation(GraphData):
    """Regression of one number per graph or set, trained on small ones and tested on large ones.

    The graph tasks and their sizes are those of "How Neural Networks Extrapolate" (Xu et al., 2021,
    arXiv:2009.11848): ``"max_degree"`` (3 uninformative node features; 20 to 29 nodes against 50 to 99) and
    ``"shortest_path"`` (one such feature and a flag for each end; 20 to 39 nodes against 50 to 69; edge
    lengths uniform in [1, 5] against [1, 10], so that the shortest path is unique; it has at most 3 edges).
    The test graphs are of the family ``"general"``. The set tasks are our own: ``"sum"``, ``"mean"``,
    ``"max"``, ``"min"`` and ``"harmonic"`` (mean) of 5 to 20 numbers in [0.5, 1.5] against 50 to 99 numbers
    of three times the range.

    Args:
        name: the task.
        family: family of the training and validation graphs.
        features: values of the uninformative node features: ``"uniform"`` in [-5, 5]; ``"wide"``, in
            [-5, 5] against [-10, 10]; or ``"integers"`` from 1 to 5.
        train: number of training graphs.
        val: number of validation graphs, drawn like those for training.
        test: number of test graphs.
        data_seed: seed of all graphs and numbers.
        batch_size: graphs per batch.
    """

    task: Task = "regression"

    def __init__(
        self,
        name: str = "max_degree",
        family: str = "general",
        features: Literal["uniform", "wide", "integers"] = "uniform",
        train: int = 5000,
        val: int = 1000,
        test: int = 2500,
        data_seed: int = 0,
        batch_size: int = 64,
    ) -> None:
        super().__init__(batch_size=batch_size)
        known = ("max_degree", "shortest_path", *SETS)
        if name not in known:
            raise ValueError(f"name={name!r} must be one of {', '.join(known)}")
        if family not in FAMILIES:
            raise ValueError(f"family={family!r} must be one of {', '.join(FAMILIES)}")
        if features not in ("uniform", "wide", "integers"):
            raise ValueError(f"features={features!r} must be 'uniform', 'wide' or 'integers'")
        if min(train, val, test) < 1:
            raise ValueError(f"train={train}, val={val} and test={test} must each be at least 1")
        self.name, self.family, self.features = name, family, features
        self.parts, self.data_seed = (train, val, test), data_seed

    def load(self) -> list[Data]:
        """All graphs: those for training, validation and test, in this order."""
        return _generate(self.name, self.family, self.features, self.parts, self.data_seed)

    @cached_property
    def split(self) -> Split:
        """Positions of the graphs of each part."""
        ends = np.cumsum(self.parts)
        return Split(*np.split(np.arange(ends[-1]), ends[:-1]))

    @property
    def num_outputs(self) -> int:
        """One number."""
        return 1


@lru_cache(maxsize=8)
def _generate(name: str, family: str, features: str, parts: tuple[int, int, int], seed: int) -> list[Data]:
    """Kept, since a benchmark reads the same graphs in every run of a process."""
    make = {"max_degree": _max_degree, "shortest_path": _shortest_path}.get(name)
    data = []
    for part, count in enumerate(parts):
        random = np.random.default_rng([seed, part])
        for nth in range(count):
            if make is None:
                data.append(_set(name, random, part == 2))
            else:
                data.append(make("general" if part == 2 else family, features, random, nth, part == 2))
    return data


def _number(value: float) -> torch.Tensor:
    return torch.tensor([[value]], dtype=torch.float)


def _set(name: str, random: np.random.Generator, large: bool) -> Data:
    values = random.uniform(0.5, 1.5, random.integers(50, 100) if large else random.integers(5, 21))
    values = values * (3 if large else 1)
    x = torch.from_numpy(values).float().unsqueeze(-1)
    return Data(x=x, edge_index=torch.empty(2, 0, dtype=torch.long), y=_number(SETS[name](values)))


def _noise(features: str, shape: tuple[int, int], random: np.random.Generator, large: bool) -> torch.Tensor:
    if features == "integers":
        return torch.from_numpy(random.integers(1, 6, shape)).float()
    bound = 10 if features == "wide" and large else 5
    return torch.from_numpy(random.uniform(-bound, bound, shape)).float()


def _max_degree(family: str, features: str, random: np.random.Generator, nth: int, large: bool) -> Data:
    n = int(random.integers(50, 100) if large else random.integers(20, 30))
    graph = family_graph(family, n, random, nth)
    edges = torch.tensor(list(graph.edges), dtype=torch.long).view(-1, 2).t()
    x = _noise(features, (graph.number_of_nodes(), 3), random, large)
    top = max(degree for _, degree in graph.degree)
    return Data(x=x, edge_index=torch.cat([edges, edges.flip(0)], dim=1), y=_number(top))


def _shortest_path(family: str, features: str, random: np.random.Generator, nth: int, large: bool) -> Data:
    import networkx as nx

    lengths: Any
    while True:
        n = int(random.integers(50, 70) if large else random.integers(20, 40))
        graph = family_graph(family, n, random, nth, p=0.6)
        n = graph.number_of_nodes()
        for u, v in graph.edges:
            graph.edges[u, v]["weight"] = random.uniform(1, 10 if large else 5)
        source = int(random.integers(n))
        lengths, path = nx.single_source_dijkstra(graph, source)
        near = [v for v in path if 2 <= len(path[v]) <= 4]  # 1 to 3 edges
        if near:
            break
    target = int(random.choice(near))
    x = torch.zeros(n, 3)
    x[:, :1] = _noise(features, (n, 1), random, large)
    x[source, 1], x[target, 2] = 1.0, 1.0
    edges = torch.tensor(list(graph.edges), dtype=torch.long).view(-1, 2).t()
    weight = torch.tensor([graph.edges[u, v]["weight"] for u, v in graph.edges], dtype=torch.float)
    return Data(
        x=x,
        edge_index=torch.cat([edges, edges.flip(0)], dim=1),
        edge_attr=weight.repeat(2).unsqueeze(-1),
        y=_number(float(lengths[target])),
    )
