"""Training of link models: loss, metrics, and predictions with the user's ids."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from gpool.data.links import Links
from gpool.data.links.candidates import Candidates
from gpool.link.batch import LinkBatch
from gpool.link.best import Best
from gpool.models.fitted import FittedModel
from gpool.models.pair import PairModel
from gpool.ops.precision import widened
from gpool.training.base import TrainingModule, adam
from gpool.training.link_metrics import LinkMetrics
from gpool.training.link_ranking import ScoredPair, ranked

__all__ = ["LinkTask", "ScoredPair"]


class LinkTask(TrainingModule):
    """A LightningModule for links: one logit per pair.

    Give either a whole ``model``, or an ``encoder`` and a ``scorer``, of which a
    :class:`gpool.models.PairModel` is made.

    Logged for the validation and the test part, over the whole part at once: ``auc``, ``ap``, ``hits@K`` for
    every K of ``hits``, ``mrr`` where negatives belong to a positive, and, where ``evaluator`` names an OGB
    set, that evaluator's numbers.

    A model without parameters, such as a :class:`gpool.models.HeuristicModel`, and a
    :class:`gpool.models.FittedModel` are trained for one epoch and stop the trainer, so that they stand in
    one plan with models that learn by gradients. A model's ``aux_loss``, where it has one, is added to the
    training loss.

    Args:
        model: takes a :class:`gpool.link.LinkBatch` and returns logits [B].
        encoder: returns every layer's states of the whole graph, such as :class:`gpool.models.Encoder`.
        scorer: from the states of two nodes to a logit.
        mask_targets: of the :class:`gpool.models.PairModel` that is made.
        loss: ``"bce"``, or ``"mse"`` between the probability and 0 or 1.
        hits: the K of Hits@K.
        evaluator: an OGB set, such as ``"ogbl-ddi"``.
        optimizer, lr_scheduler, exponent_lr: see :class:`TrainingModule`.

    Raises:
        ValueError: unless exactly one of ``model`` and (``encoder``, ``scorer``) is given; an unknown loss; a
            K below 1.

    >>> from gpool.data import Links
    >>> from gpool.link.pair_scorers import DotProduct
    >>> from gpool.models import Encoder
    >>> data = Links(neighborhood=None, batch_size=8)
    >>> task = LinkTask(encoder=Encoder(data.num_features, hidden_channels=8), scorer=DotProduct())
    >>> task(next(iter(data.val_dataloader()))).shape
    torch.Size([8])
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        encoder: nn.Module | None = None,
        scorer: nn.Module | None = None,
        loss: Literal["bce", "mse"] = "bce",
        hits: tuple[int, ...] = (20, 50, 100),
        evaluator: str | None = None,
        optimizer: OptimizerCallable = adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        exponent_lr: float = 5.0,
        mask_targets: bool = True,
    ) -> None:
        super().__init__(optimizer, lr_scheduler, exponent_lr)
        if model is None:
            if encoder is None or scorer is None:
                raise ValueError("give a model, or both an encoder and a scorer")
            model = PairModel(encoder, scorer, mask_targets=mask_targets)
        elif encoder is not None or scorer is not None:
            raise ValueError("give either a model, or an encoder and a scorer, not both")
        if loss not in ("bce", "mse"):
            raise ValueError(f"loss={loss!r} must be 'bce' or 'mse'")
        self.model = model
        self.mask_targets = mask_targets
        self.loss, self.hits, self.evaluator = loss, tuple(hits), evaluator
        self.best: Best | None = None  # while pairs are ranked, those to be kept
        self.val_metrics = LinkMetrics(hits, evaluator)
        self.test_metrics = LinkMetrics(hits, evaluator)

    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits [B] of a batch of pairs."""
        return self.model(batch.with_features(self.cast(batch.x)))

    def _loss(self, logit: Tensor, y: Tensor) -> Tensor:
        logit = widened(logit)
        if self.loss == "mse":
            return F.mse_loss(logit.sigmoid(), y.to(logit.dtype))
        return F.binary_cross_entropy_with_logits(logit, y.to(logit.dtype))

    def training_step(self, batch: LinkBatch, step: int) -> Tensor:
        """The loss of a batch; 0 where nothing learns by gradients."""
        if not self._by_gradient:
            return self._take_in(batch)
        loss = self._loss(self(batch), batch.y)
        extra = getattr(self.model, "aux_loss", None)
        loss = loss if extra is None else loss + extra
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=batch.num_links)
        return loss

    @property
    def _by_gradient(self) -> bool:
        return any(parameter.requires_grad for parameter in self.parameters())

    def _take_in(self, batch: LinkBatch) -> Tensor:
        model = self.model
        if isinstance(model, FittedModel):
            model.collect(batch)
        if not isinstance(model, FittedModel) or self.trainer.is_last_batch:
            self.trainer.should_stop = True
        return torch.zeros((), device=batch.y.device, requires_grad=True)

    def configure_optimizers(self) -> Any:
        """As in :class:`TrainingModule`; an optimizer of nothing where nothing learns by gradients."""
        if self._by_gradient:
            return super().configure_optimizers()
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.0)  # it counts the steps

    def on_validation_start(self) -> None:
        """Fit a model that has taken in the training links."""
        if isinstance(self.model, FittedModel):
            self.model.fit()

    def on_test_start(self) -> None:
        """Refuse a model that has not been fitted.

        Raises:
            ValueError: in one line.
        """
        if isinstance(self.model, FittedModel) and not self.model.fitted:
            raise ValueError(f"model={type(self.model).__name__} has not been fitted; fit the trainer first")

    def _evaluate(self, batch: LinkBatch, metrics: LinkMetrics, prefix: str) -> None:
        logit = self(batch)
        self.log(
            f"{prefix}/loss",
            self._loss(logit, batch.y),
            on_step=False,
            on_epoch=True,
            batch_size=batch.num_links,
        )
        metrics.update(logit, batch.y, batch.group)

    def _log(self, metrics: LinkMetrics, prefix: str) -> None:
        self.log_dict({f"{prefix}/{name}": value for name, value in metrics.compute().items()})
        metrics.reset()

    def measures(self) -> frozenset[str]:
        """Names of what may be logged for validation and test, without ``val/`` and ``test/``."""
        return frozenset({"loss", *self.val_metrics.names()})

    def validation_step(self, batch: LinkBatch, step: int) -> None:
        """Scores of a batch of the validation part."""
        self._evaluate(batch, self.val_metrics, "val")

    def test_step(self, batch: LinkBatch, step: int) -> None:
        """Scores of a batch of the test part."""
        self._evaluate(batch, self.test_metrics, "test")

    def on_validation_epoch_end(self) -> None:
        """Metrics of the whole validation part."""
        self._log(self.val_metrics, "val")

    def on_test_epoch_end(self) -> None:
        """Metrics of the whole test part; a warning says which Hits@K has fewer than K negatives."""
        self.test_metrics.warn_of_few_negatives()
        self._log(self.test_metrics, "test")

    def predict_step(self, batch: LinkBatch, step: int) -> dict[str, Any]:
        """The ids of both ends (the user's, of :class:`gpool.data.Links`) and the probabilities [B]."""
        logit = widened(self(batch))
        if self.best is not None:  # in predict(): few pairs are kept, and only theirs need ids
            self.best.add(logit, batch.pairs)
            return {}
        data = self._links()
        pairs: Any = batch.pairs.tolist()
        if data is not None:
            pairs = [[data.graph.ids[i], data.graph.ids[j]] for i, j in pairs]
        source, target = [p[0] for p in pairs], [p[1] for p in pairs]
        return {"source": source, "target": target, "score": logit.sigmoid()}

    def _links(self) -> Links | None:
        data = getattr(self._trainer, "datamodule", None) if self._trainer is not None else None
        return data if isinstance(data, Links) else None

    def predict(
        self,
        data: Links,
        pairs: Iterable[tuple[Hashable, Hashable]] | Candidates | str | None = "all",
        top: int | None = None,
        trainer: Trainer | None = None,
        progress: bool = False,
    ) -> list[ScoredPair]:
        """Pairs of the user's ids by falling score; at most ``top``, and no more than these are in memory.

        A pair that is given twice comes twice. Pairs are ranked by their logits, which differ where
        probabilities are all 1; equal ones keep the order of the pairs.

        Args:
            data: the graph; all its links are observed.
            pairs: those given, as ids; ``"all"`` (or None), all that are not linked; ``"two-hop"``, those of
                them with a common neighbor; or :class:`gpool.data.Candidates`, such as
                :class:`gpool.data.BestBy`. A graph of more than 10,000 nodes needs one of the last two.
            top: how many are returned; None: all.
            trainer: predicts; None makes one for the CPU.
            progress: show how many have been scored.

        Raises:
            ValueError: an unknown id or word, i = j, top < 1, NaN scores, all pairs of a large graph.
        """
        return ranked(self, data, pairs, top, trainer, progress)

    def describe(self) -> dict[str, Any]:
        """The loss, and the options and sizes of the data; part of every result of a benchmark.

        ``all_hits`` names each Hits@K that is 1 because the test part has fewer than K negatives.
        """
        data = self._links()
        if data is None:
            return {"loss": self.loss}
        empty = [f"hits@{k}" for k in self.hits if data.split.test_neg.size(0) < k]
        return {"loss": self.loss, **data.describe(), **({"all_hits": ", ".join(empty)} if empty else {})}

    def transfer_batch_to_device(self, batch: Any, device: Any, dataloader_idx: int) -> Any:
        """Move a batch without a copy where it is already there."""
        return batch.to(device, non_blocking=True)
