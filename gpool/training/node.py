"""Training of node-level models: one graph or several, with a mask of nodes for each part."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch_geometric.data import Data

from gpool.data.base import Task
from gpool.history import HistoGraph
from gpool.models import NodeModel
from gpool.training.base import TrainingModule, adam
from gpool.training.objective import Objective

__all__ = ["NodeTask"]


class NodeTask(TrainingModule):
    """A LightningModule for labels of nodes: every pass sees the whole graph, a mask picks the labels.

    Give either a whole ``model``, or an ``encoder`` (and a ``readout`` over its history, and a ``head``), of
    which a :class:`gpool.models.NodeModel` is made. A batch has the masks ``train_mask``, ``val_mask`` and
    ``test_mask``, each [N].

    Args:
        model: takes ``(x, edge_index, edge_attr, batch, batch_size)`` and returns [N, out_channels].
        encoder: returns every layer's node states.
        readout: reads them into one vector per node; None leaves the last layer's states.
        head: from a node's vector to predictions.
        dropout: probability of dropping an entry of what the head reads, where no ``model`` is given.
        task: kind of label, see :class:`gpool.training.Objective`.
        out_channels: number of classes or tasks.
        optimizer: makes the optimizer from groups of parameters.
        lr_scheduler: makes the schedule from the optimizer.
        exponent_lr: learning rate of learnable exponents, as a multiple of the others'.

    Raises:
        ValueError: unless exactly one of ``model`` and ``encoder`` is given.

    >>> import torch
    >>> from torch_geometric.data import Data
    >>> from gpool.models import Encoder
    >>> graph = Data(x=torch.randn(3, 4), edge_index=torch.tensor([[0, 1], [1, 2]]))
    >>> NodeTask(encoder=Encoder(4, hidden_channels=8, num_layers=2), out_channels=5)(graph).shape
    torch.Size([3, 5])
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        encoder: nn.Module | None = None,
        readout: HistoGraph | None = None,
        head: nn.Module | None = None,
        dropout: float = 0.0,
        task: Task = "multiclass",
        out_channels: int = 2,
        optimizer: OptimizerCallable = adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        exponent_lr: float = 5.0,
    ) -> None:
        super().__init__(optimizer, lr_scheduler, exponent_lr)
        if model is None:
            if encoder is None:
                raise ValueError("give a model, or an encoder")
            model = NodeModel(
                encoder,
                readout=readout,
                head=head,
                out_channels=out_channels if head is None else None,
                dropout=dropout,
            )
        elif encoder is not None or readout is not None or head is not None:
            raise ValueError("give either a model, or an encoder, a readout and a head, not both")
        self.model = model
        self.task, self.out_channels = task, out_channels
        self.objective = Objective(task, out_channels)
        self.val_metrics = self.objective.metrics("val/")
        self.test_metrics = self.objective.metrics("test/")

    def forward(self, batch: Data) -> Tensor:
        """Predictions [N, out_channels] for all nodes."""
        graphs = batch.num_graphs if batch.batch is not None else None
        x, edge_attr = self.cast(batch.x), self.cast(batch.edge_attr)
        return self.model(x, batch.edge_index, edge_attr, batch.batch, graphs)

    def training_step(self, batch: Data, step: int) -> Tensor:
        """The loss on the training nodes."""
        mask = batch.train_mask
        loss = self.objective.loss(self(batch)[mask], batch.y[mask])
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=1)
        return loss

    def _evaluate(self, batch: Data, part: str) -> None:
        mask, metrics = batch[f"{part}_mask"], getattr(self, f"{part}_metrics")
        prediction = self(batch)[mask]
        loss = self.objective.loss(prediction, batch.y[mask])
        self.log(f"{part}/loss", loss, on_step=False, on_epoch=True, batch_size=1)
        self.objective.update(metrics, prediction, batch.y[mask])
        self.log_dict(metrics, on_step=False, on_epoch=True, batch_size=1)

    def measures(self) -> frozenset[str]:
        """Names of what is logged for validation and test, without ``val/`` and ``test/``."""
        return frozenset({"loss", *map(str, self.val_metrics.keys(keep_base=True))})

    def validation_step(self, batch: Data, step: int) -> None:
        """Loss and metrics on the validation nodes."""
        self._evaluate(batch, "val")

    def test_step(self, batch: Data, step: int) -> None:
        """Loss and metrics on the test nodes."""
        self._evaluate(batch, "test")

    def predict_step(self, batch: Data, step: int) -> Tensor:
        """Predictions [N, out_channels] for all nodes: logits, or numbers for a regression."""
        return self(batch)

    def transfer_batch_to_device(self, batch: Any, device: Any, dataloader_idx: int) -> Any:
        """Move the graph without a copy where it is already there."""
        return batch.to(device, non_blocking=True)
