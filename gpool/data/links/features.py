"""Node features for link prediction: constants, one-hot identities, or the graph's own."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gpool.data.links.graph import LinkGraph
from gpool.data.links.split import LinkSplit
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["Features", "OneHotFeatures", "OnesFeatures", "OwnFeatures"]


class Features(ABC):
    """Makes the node features [N, F] of a graph from what may be known in training."""

    @abstractmethod
    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """The features of all nodes."""


class OnesFeatures(Features):
    """``channels`` ones for every node, so that only the structure tells nodes apart."""

    def __init__(self, channels: int = 16) -> None:
        if channels < 1:
            raise ValueError(f"channels={channels} must be at least 1")
        self.channels = channels

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """Ones, [N, channels]."""
        return torch.ones(graph.num_nodes, self.channels)


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
