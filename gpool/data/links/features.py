"""Node features for link prediction: constants, the graph's own, or those of a graph auto-encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch_geometric.nn import VGAE as AutoEncoder
from torch_geometric.nn import GCNConv
from torchmetrics.functional.classification import binary_auroc

from gpool.data.links.graph import LinkGraph
from gpool.data.links.split import LinkSplit, non_links
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["Features", "OneHotFeatures", "OnesFeatures", "OwnFeatures", "VGAEFeatures"]


class Features(ABC):
    """Makes the node features [N, F] of a graph from what training may know of it."""

    @abstractmethod
    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """The features of all nodes."""


class OnesFeatures(Features):
    """A constant of ``channels`` ones: the structure alone speaks."""

    def __init__(self, channels: int = 16) -> None:
        if channels < 1:
            raise ValueError(f"channels={channels} must be at least 1")
        self.channels = channels

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        return torch.ones(graph.num_nodes, self.channels)


class OneHotFeatures(Features):
    """Every node its own feature, one-hot: [N, N]."""

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        return torch.eye(graph.num_nodes)


class OwnFeatures(Features):
    """The features that the graph came with."""

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        if graph.x is None:
            raise ValueError("features=OwnFeatures() needs a graph with node features; this one has none")
        return graph.x.float()


class _Encoder(nn.Module):
    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.first = GCNConv(in_channels, 2 * channels)
        self.mean, self.log_std = GCNConv(2 * channels, channels), GCNConv(2 * channels, channels)

    def forward(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        h = self.first(x, edge_index).relu()
        return self.mean(h, edge_index), self.log_std(h, edge_index)


class VGAEFeatures(Features):
    """Means of a variational graph auto-encoder (Kipf and Welling, arXiv 1611.07308; PyG's ``VGAE``), frozen.

    It is trained on the observed graph alone; of every tenth epoch, the means with the best AUC on the
    validation pairs are kept. A graph without features gives it the nodes' identities (one-hot).

    Args:
        channels: width of the means; the hidden layer is twice as wide.
        epochs, lr: of Adam.
        seed: of the weights and the sampling; the random state of the caller is left as it was.
    """

    def __init__(self, channels: int = 32, epochs: int = 500, lr: float = 0.005, seed: int = 0) -> None:
        for name, size in {"channels": channels, "epochs": epochs}.items():
            if size < 1:
                raise ValueError(f"{name}={size} must be at least 1")
        self.channels, self.epochs, self.lr, self.seed = channels, epochs, lr, seed

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        x = torch.eye(graph.num_nodes) if graph.x is None else graph.x.float()
        edges = torch.stack([torch.arange(graph.num_nodes).repeat_interleave(observed.degree), observed.col])
        pairs = torch.cat([split.val_pos, split.val_neg]).t()
        y = torch.cat([torch.ones(split.val_pos.size(0)), torch.zeros(split.val_neg.size(0))]).long()
        observed_links = edges[:, edges[0] < edges[1]].t()
        free = graph.num_nodes * (graph.num_nodes - 1) // 2 - observed_links.size(0)
        count, generator = min(observed_links.size(0), free), torch.Generator().manual_seed(self.seed)
        best, kept = -1.0, x
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(self.seed)
            model = AutoEncoder(_Encoder(x.size(1), self.channels))
            optimizer = torch.optim.Adam(model.parameters(), lr=self.lr)
            for epoch in range(1, self.epochs + 1):
                model.train()
                optimizer.zero_grad()
                z = model.encode(x, edges)
                drawn = non_links(observed_links, graph.num_nodes, count, generator).t()
                wrong = torch.cat([drawn, drawn.flip(0)], dim=1)
                loss = model.recon_loss(z, edges, wrong) + model.kl_loss() / graph.num_nodes
                loss.backward()
                optimizer.step()
                if epoch % 10 == 0 or epoch == self.epochs:
                    model.eval()
                    with torch.no_grad():
                        z = model.encode(x, edges)
                        found = float(binary_auroc((z[pairs[0]] * z[pairs[1]]).sum(1), y))
                    if found > best:
                        best, kept = found, z
        return kept.detach()
