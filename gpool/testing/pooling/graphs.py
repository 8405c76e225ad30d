"""The graphs that a pooling is tested on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Graphs", "sample"]

INDEX = torch.tensor([2, 0, 2, 4, 0, 2, 4, 0, 4, 2, 5, 0, 4, 6, 6])  # 1, 3 and 7 are empty, 5 has one node
SIZE = 8
PAIRS = torch.tensor([  # every undirected edge once; graph 6 has none
    (1, 4), (4, 7), (7, 11), (1, 11), (1, 7), (0, 2), (2, 5), (0, 2),  # twice
    (3, 6), (6, 8), (8, 12), (3, 12), (5, 5),  # a loop
])  # fmt: skip


class Graphs(NamedTuple):
    """A batch of graphs, in the order of a pooling's arguments."""

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor | None
    batch: Tensor
    batch_size: int

    def alone(self, graph: int) -> Graphs:
        """One graph by itself."""
        return self.ordered((self.batch == graph).nonzero().view(-1))._replace(
            batch=self.batch[self.batch == graph] * 0, batch_size=1
        )

    def ordered(self, node: Tensor) -> Graphs:
        """The listed nodes in that order, and the edges among them."""
        place = node.new_full((self.x.size(0),), -1)
        place[node] = torch.arange(node.numel())
        edge_index = place[self.edge_index].view(2, -1)
        kept = (edge_index >= 0).all(0)
        attr = None if self.edge_attr is None else self.edge_attr[kept]
        return Graphs(self.x[node], edge_index[:, kept], attr, self.batch[node], self.batch_size)

    def with_edges(self, edge: Tensor) -> Graphs:
        """The same nodes, and the listed edges in that order."""
        attr = None if self.edge_attr is None else self.edge_attr[edge]
        return self._replace(edge_index=self.edge_index[:, edge], edge_attr=attr)


def sample(channels: int, dtype: torch.dtype, equal: bool = False) -> Graphs:
    """Eight undirected graphs with weights [E]; with ``equal`` all rows are one and so are all weights."""
    edge_index = torch.cat([PAIRS.t(), PAIRS.t().flip(0)], dim=1)
    x, attr = torch.randn(INDEX.numel(), channels), torch.rand(len(PAIRS)).add(0.5).repeat(2)
    if equal:
        x, attr = torch.ones_like(x), torch.ones_like(attr)
    return Graphs(x.to(dtype), edge_index, attr.to(dtype), INDEX, SIZE)
