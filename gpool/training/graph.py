"""Training of graph-level models: classification and regression."""

from __future__ import annotations

from typing import Any, Literal

from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.aggr import Aggregation
from torchmetrics import MetricCollection

from gpool.data.base import Task
from gpool.history import HistoryReadout
from gpool.models import GraphModel
from gpool.pooling import Pooling
from gpool.training.base import TrainingModule, adam
from gpool.training.objective import Objective
from gpool.training.running_mean import RunningMean

__all__ = ["GraphTask"]


class GraphTask(TrainingModule):
    """A LightningModule for labels of whole graphs: binary, multi-class, multi-label or real numbers.

    Give either a whole ``model``, or an ``encoder`` and a ``readout`` (and a ``head`` in place of the default
    one), of which a :class:`gpool.models.GraphModel` is made. Missing labels are NaN and left out, as in
    OGB's sets.

    Args:
        model: takes ``(x, edge_index, edge_attr, batch, batch_size)`` and returns [B, out_channels].
        encoder: returns every layer's node states.
        readout: any PyG Aggregation, or a readout over the history.
        head: from the readout's vectors to predictions.
        task: kind of label, see :class:`gpool.training.Objective`.
        out_channels: number of classes or tasks.
        optimizer: makes the optimizer from groups of parameters.
        lr_scheduler: makes the schedule from the optimizer.
        exponent_lr: learning rate of learnable exponents, as a multiple of the others'.
        pooling, coarse_layers, levels: see :class:`gpool.models.GraphModel`.

    A model's ``aux_loss``, where it has one, is added to the training loss.

    Raises:
        ValueError: unless exactly one of ``model`` and (``encoder``, ``readout``) is given.

    >>> import torch
    >>> from torch_geometric.data import Batch, Data
    >>> from gpool import GNP
    >>> from gpool.models import Encoder
    >>> graph = Data(x=torch.randn(3, 4), edge_index=torch.tensor([[0, 1], [1, 2]]))
    >>> task = GraphTask(encoder=Encoder(4, hidden_channels=8, num_layers=2), readout=GNP(8), out_channels=5)
    >>> task(Batch.from_data_list([graph, graph])).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        encoder: nn.Module | None = None,
        readout: Aggregation | HistoryReadout | None = None,
        head: nn.Module | None = None,
        task: Task = "multiclass",
        out_channels: int = 2,
        optimizer: OptimizerCallable = adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        exponent_lr: float = 5.0,
        pooling: list[Pooling] | None = None,
        coarse_layers: int = 1,
        levels: Literal["sum", "last"] = "sum",
    ) -> None:
        super().__init__(optimizer, lr_scheduler, exponent_lr)
        if model is None:
            if encoder is None or readout is None:
                raise ValueError("give a model, or both an encoder and a readout")
            outputs = out_channels if head is None else None
            model = GraphModel(
                encoder,
                readout,
                head=head,
                out_channels=outputs,
                pooling=pooling,
                coarse_layers=coarse_layers,
                levels=levels,
            )
        elif encoder is not None or readout is not None or head is not None or pooling:
            raise ValueError("give either a model, or an encoder, a readout, a head and poolings, not both")
        self.model = model
        self.task, self.out_channels = task, out_channels
        self.objective = Objective(task, out_channels)
        self.val_metrics = self.objective.metrics("val/")
        self.test_metrics = self.objective.metrics("test/")
        self._train_loss, self._loss = RunningMean(), RunningMean()

    def forward(self, batch: Data) -> Tensor:
        """Predictions [B, out_channels] for a batch of graphs."""
        x, edge_attr = self.cast(batch.x), self.cast(batch.edge_attr)
        return self.model(x, batch.edge_index, edge_attr, batch.batch, batch.num_graphs)

    def training_step(self, batch: Data, step: int) -> Tensor:
        """The loss of a batch."""
        loss = self.objective.loss(self(batch), batch.y)
        extra = getattr(self.model, "aux_loss", None)
        loss = loss if extra is None else loss + extra
        self._train_loss.update(loss, batch.num_graphs)
        return loss

    def _evaluate(self, batch: Data, metrics: MetricCollection) -> None:
        prediction = self(batch)
        self._loss.update(self.objective.loss(prediction, batch.y), batch.num_graphs)
        self.objective.update(metrics, prediction, batch.y)

    def _log(self, mean: RunningMean, prefix: str, metrics: MetricCollection | None = None) -> None:
        """Log what an epoch has added up; Lightning's own sums, taken per batch, cost more."""
        self.log_dict(
            {f"{prefix}/{name}": value for name, value in mean.take().items()},
            on_step=False,
            on_epoch=True,
            batch_size=1,
        )
        if metrics is not None:
            self.log_dict(metrics.compute())
            metrics.reset()

    def on_train_epoch_start(self) -> None:
        """Begin the mean training loss anew; an epoch that was cut short has left its sum."""
        self._train_loss.take()

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Log the mean training loss with the last batch, before callbacks look at the end of the epoch."""
        if self.trainer.is_last_batch:
            self._log(self._train_loss, "train")

    def on_validation_epoch_end(self) -> None:
        """Log loss and metrics of the whole validation part."""
        self._log(self._loss, "val", self.val_metrics)

    def on_test_epoch_end(self) -> None:
        """Log loss and metrics of the whole test part."""
        self._log(self._loss, "test", self.test_metrics)

    def measures(self) -> frozenset[str]:
        """Names of what is logged for validation and test, without ``val/`` and ``test/``."""
        return frozenset({"loss", *map(str, self.val_metrics.keys(keep_base=True))})

    def validation_step(self, batch: Data, step: int) -> None:
        """Loss and metrics on a batch of the validation part."""
        self._evaluate(batch, self.val_metrics)

    def test_step(self, batch: Data, step: int) -> None:
        """Loss and metrics on a batch of the test part."""
        self._evaluate(batch, self.test_metrics)

    def predict_step(self, batch: Data, step: int) -> Tensor:
        """Predictions [B, out_channels]: logits, or numbers for a regression."""
        return self(batch)
