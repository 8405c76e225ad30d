"""Node features for link prediction: constants, ids, one-hot identities, or the graph's own."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gpool.data.links.graph import LinkGraph
from gpool.data.links.split import LinkSplit
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["Features", "NodeIds", "OneHotFeatures", "OnesFeatures", "OwnFeatures"]


class Features(ABC):
    """Makes the node features [N, F] of a graph from what may be known in training."""

    @abstractmethod
    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """The features of all nodes."""

    def width(self, graph: LinkGraph, x: Tensor) -> int:
        """What a model takes as ``in_channels`` for these features."""
        return x.size(1)


class OnesFeatures(Features):
    """``channels`` ones for every node, so that only the structure tells nodes apart."""

    def __init__(self, channels: int = 16) -> None:
        if channels < 1:
            raise ValueError(f"channels={channels} must be at least 1")
        self.channels = channels

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """Ones, [N, channels]."""
        return torch.ones(graph.num_nodes, self.channels)


class NodeIds(Features):
    """The position of every node, for models with a learned vector per node; there are N of them.

    What a one-hot matrix says, in [N, 1] integers: take it with :class:`gpool.models.EmbeddingEncoder`, or
    with ``node_channels`` of :class:`gpool.models.LinkModel`.
    """

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """0 .. N - 1, [N, 1]."""
        return torch.arange(graph.num_nodes).unsqueeze(1)

    def width(self, graph: LinkGraph, x: Tensor) -> int:
        """N."""
        return graph.num_nodes


class OneHotFeatures(Features):
    """One-hot identity of every node, [N, N]."""

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """The identity matrix, [N, N]."""
        return torch.eye(graph.num_nodes)


class OwnFeatures(Features):
    """The features that the graph came with."""

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """The graph's features in float32, [N, F]."""
        if graph.x is None:
            raise ValueError("features=OwnFeatures() needs a graph with node features; this one has none")
        return graph.x.float()
