"""Target links, and what a model may know of the graph around them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.subgraph.record import EnclosingSubgraphs

__all__ = ["LinkBatch"]


class LinkBatch:
    """Target links, and what a model may know of the graph around them.

    It is not a dataclass: Lightning would take one apart, and cast y and group together with x.

    Shape:
        - **pairs** [B, 2]: node ids in the graph; **y** [B]: 1 for a link, 0 for a non-link.
        - **x** [N, F]: features of the subgraphs' nodes, where there are subgraphs, else of all nodes of the
          graph.
        - **subgraphs**: the enclosing subgraphs of the pairs, with **labels** [N] where asked for.
        - **edge_index** [2, E]: the observed graph, both directions, where there are no subgraphs.
        - **group** [B]: links whose scores are ranked together (a positive and its own negatives), -1 for all
          others.
    """

    def __init__(
        self,
        pairs: Tensor,
        y: Tensor,
        x: Tensor,
        subgraphs: EnclosingSubgraphs | None = None,
        labels: Tensor | None = None,
        edge_index: Tensor | None = None,
        group: Tensor | None = None,
    ) -> None:
        self.pairs, self.y, self.x = pairs, y, x
        self.subgraphs, self.labels = subgraphs, labels
        self.edge_index, self.group = edge_index, group

    @property
    def num_links(self) -> int:
        """B, the number of target links."""
        return self.pairs.size(0)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> LinkBatch:
        """The same batch on ``device``."""
        moved: dict[str, Any] = {
            name: None if part is None else part.to(device, non_blocking=non_blocking)
            for name, part in vars(self).items()
        }
        return LinkBatch(**moved)

    def with_features(self, x: Tensor) -> LinkBatch:
        """The same batch with other node features."""
        return LinkBatch(self.pairs, self.y, x, self.subgraphs, self.labels, self.edge_index, self.group)

    def __repr__(self) -> str:
        around = self.subgraphs if self.subgraphs is not None else f"{self.x.size(0)} nodes"
        return f"{type(self).__name__}({self.num_links} links, {around}, x of {self.x.dtype})"
