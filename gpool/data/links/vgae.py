"""Node features learned by a variational graph auto-encoder."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader, TensorDataset
from torch_geometric.nn import VGAE, GCNConv
from torchmetrics.functional.classification import binary_auroc

from gpool.data.links.features import Features
from gpool.data.links.graph import LinkGraph
from gpool.data.links.negatives import non_links
from gpool.data.links.split import LinkSplit
from gpool.ops.subgraph.adjacency import Adjacency
from gpool.quiet import quiet

__all__ = ["VGAEFeatures"]

EVERY = 10  # epochs between two looks at the validation AUC


class VGAEFeatures(Features):
    """Means of a variational graph auto-encoder (Kipf and Welling, arXiv:1611.07308; PyG's ``VGAE``), frozen.

    It is trained on the observed graph alone. The validation AUC of the means is measured after every tenth
    epoch and after the last one, and the best means are kept. On a graph without features, every node's input
    is its one-hot identity.

    Args:
        channels: width of the means; the hidden layer is twice as wide.
        epochs: number of training epochs.
        lr: learning rate of Adam.
        seed: of the weights and the sampling; the caller's random state does not change.
    """

    def __init__(self, channels: int = 32, epochs: int = 500, lr: float = 0.005, seed: int = 0) -> None:
        for name, size in {"channels": channels, "epochs": epochs}.items():
            if size < 1:
                raise ValueError(f"{name}={size} must be at least 1")
        self.channels, self.epochs, self.lr, self.seed = channels, epochs, lr, seed

    def __call__(self, graph: LinkGraph, observed: Adjacency, split: LinkSplit) -> Tensor:
        """The best means, [N, channels]."""
        x = torch.eye(graph.num_nodes) if graph.x is None else graph.x.float()
        edges = torch.stack([torch.arange(graph.num_nodes).repeat_interleave(observed.degree), observed.col])
        generator = torch.Generator().manual_seed(self.seed)
        with torch.random.fork_rng(devices=[]), torch.enable_grad(), quiet():
            torch.manual_seed(self.seed)
            fit = _Fit(x, edges, split, self.channels, self.lr, generator)
            trainer = Trainer(
                accelerator="cpu",
                devices=1,
                max_epochs=self.epochs,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            whole = TensorDataset(torch.zeros(1))  # one step per epoch, on the whole graph
            trainer.fit(fit, DataLoader(whole, generator=torch.Generator()))
        return fit.kept


class _Encoder(nn.Module):
    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.first = GCNConv(in_channels, 2 * channels)
        self.mean, self.log_std = GCNConv(2 * channels, channels), GCNConv(2 * channels, channels)

    def forward(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        h = self.first(x, edge_index).relu()
        return self.mean(h, edge_index), self.log_std(h, edge_index)


class _Fit(LightningModule):
    """The auto-encoder of one graph in training, and the best means so far."""

    def __init__(
        self, x: Tensor, edges: Tensor, split: LinkSplit, channels: int, lr: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.net = VGAE(_Encoder(x.size(1), channels))
        self.x, self.edges, self.split, self.lr, self.generator = x, edges, split, lr, generator
        self.links = edges[:, edges[0] < edges[1]].t()
        free = x.size(0) * (x.size(0) - 1) // 2 - self.links.size(0)
        self.num_negatives = min(self.links.size(0), free)
        self.best, self.kept = -1.0, x

    def training_step(self, batch: Tensor, step: int) -> Tensor:
        """Reconstruction loss of links and as many drawn non-links, plus the KL term."""
        z = self.net.encode(self.x, self.edges)
        drawn = non_links(self.links, self.x.size(0), self.num_negatives, self.generator).t()
        wrong = torch.cat([drawn, drawn.flip(0)], dim=1)
        return self.net.recon_loss(z, self.edges, wrong) + self.net.kl_loss() / self.x.size(0)

    def on_train_epoch_end(self) -> None:
        """Keep the means if their AUC on the validation pairs is the best so far."""
        epoch = self.current_epoch + 1
        if epoch % EVERY and epoch != self.trainer.max_epochs:
            return
        pos, neg = self.split.val_pos, self.split.val_neg
        y = torch.cat([torch.ones(pos.size(0)), torch.zeros(neg.size(0))]).long()
        with torch.no_grad():
            z, _ = self.net.encoder(self.x, self.edges)
            source, target = z[torch.cat([pos, neg])].unbind(1)
            auc = float(binary_auroc((source * target).sum(1), y))
        if auc > self.best:
            self.best, self.kept = auc, z

    def configure_optimizers(self) -> Adam:
        """Adam."""
        return Adam(self.net.parameters(), lr=self.lr)
