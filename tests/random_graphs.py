"""Random batches of graphs for property tests: empty graphs, single nodes, isolated nodes, interleaved batch
vectors, parallel edges, self-loops."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor


@dataclass
class Batch:
    x: Tensor
    edge_index: Tensor
    batch: Tensor
    batch_size: int
    undirected: list[tuple[int, int]]  # every undirected edge once, in the order of both halves of edge_index

    @property
    def args(self) -> tuple[Tensor, Tensor, None, Tensor, int]:
        return self.x, self.edge_index, None, self.batch, self.batch_size

    def edges_of(self, graph: int) -> Tensor:
        return (self.batch[self.edge_index[0]] == graph).nonzero().view(-1)

    def alone(self, graph: int) -> tuple[Tensor, Tensor, None, Tensor, int]:
        """The arguments of one graph by itself."""
        node = (self.batch == graph).nonzero().view(-1)
        place = torch.full((self.x.size(0),), -1)
        place[node] = torch.arange(node.numel())
        edge = place[self.edge_index[:, self.edges_of(graph)]].view(2, -1)
        return self.x[node], edge, None, torch.zeros(node.numel(), dtype=torch.long), 1


def both_ways(edges: list[tuple[int, int]]) -> Tensor:
    once = torch.tensor(edges, dtype=torch.long).view(-1, 2).t()
    return torch.cat([once, once.flip(0)], dim=1)


@st.composite
def batches(
    draw: st.DrawFn,
    channels: int = 4,
    loops: bool = False,
    parallel: bool = False,
    interleaved: bool = True,
    max_graphs: int = 4,
    max_nodes: int = 12,
) -> Batch:
    sizes = draw(st.lists(st.integers(0, max_nodes), min_size=0, max_size=max_graphs))
    seed = draw(st.integers(0, 2**20))
    density = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0]))
    g = torch.Generator().manual_seed(seed)
    total = sum(sizes)
    batch = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes, dtype=torch.long))
    if interleaved:
        batch = batch[torch.randperm(total, generator=g)]
    edges: list[tuple[int, int]] = []
    for graph in range(len(sizes)):
        nodes = (batch == graph).nonzero().view(-1).tolist()
        pairs = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 :]]
        chosen = torch.randperm(len(pairs), generator=g)[: int(density * len(nodes))].tolist()
        edges += [pairs[i] for i in chosen]
        if parallel and chosen:
            edges.append(pairs[chosen[0]])
    edge_index = both_ways(edges)
    if loops and total:
        node = torch.randint(total, (2,), generator=g)
        edge_index = torch.cat([edge_index, torch.stack([node, node])], dim=1)
    x = torch.randn(total, channels, generator=g, dtype=torch.float64)
    return Batch(x, edge_index, batch, len(sizes), edges)


def partition(cluster: Tensor) -> set[frozenset[int]]:
    """A labeling as the set of its classes."""
    return {
        frozenset((cluster == c).nonzero().view(-1).tolist()) for c in cluster.unique().tolist() if c >= 0
    }
