"""AUC, AP, Hits@K, MRR and OGB's evaluators over the scores of a whole part."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_auroc, binary_average_precision
from torchmetrics.utilities import dim_zero_cat

from gpool.link.ranking import check_scores, hits_at, mean_reciprocal_rank

__all__ = ["LinkMetrics"]


class LinkMetrics(Metric):
    """Collects logits, labels and groups, and measures them together.

    Args:
        hits: the K of Hits@K.
        evaluator: an OGB set whose evaluator is asked too, such as ``"ogbl-ddi"``; its numbers are named
            ``ogb-...``.
    """

    full_state_update = False

    def __init__(self, hits: tuple[int, ...] = (20, 50, 100), evaluator: str | None = None) -> None:
        super().__init__()
        for k in hits:
            if k < 1:
                raise ValueError(f"hits holds {k}; every K must be at least 1")
        self.hits = tuple(hits)
        self.evaluator: Any = None if evaluator is None else _ogb(evaluator)
        for name in ("score", "y", "group"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, score: Tensor, y: Tensor, group: Tensor | None = None) -> None:
        """Take one batch in."""
        self.score.append(score.detach() if score.dtype == torch.double else score.detach().float())  # type: ignore[operator, union-attr]
        self.y.append(y.detach())  # type: ignore[operator, union-attr]
        self.group.append(torch.full_like(y, -1, dtype=torch.long) if group is None else group)  # type: ignore[operator, union-attr]

    def compute(self) -> dict[str, Tensor]:
        """All numbers by name.

        Raises:
            ValueError: scores that are NaN or infinite.
        """
        score, y, group = (dim_zero_cat(getattr(self, name)) for name in ("score", "y", "group"))
        check_scores(score)
        positive, negative = score[y > 0.5], score[y < 0.5]
        rank = score.unique(return_inverse=True)[
            1
        ].double()  # in [0, 1], so that no sigmoid makes large scores equal
        rank = rank / rank.max().clamp(min=1)
        found = {"auc": binary_auroc(rank, y.long()), "ap": binary_average_precision(rank, y.long())}
        found |= {f"hits@{k}": hits_at(k, positive, negative) for k in self.hits}
        if bool((group >= 0).any()):
            found["mrr"] = mean_reciprocal_rank(score, y, group).float()
        if self.evaluator is not None:
            found |= self._official(score, y, group)
        return found

    def warn_of_few_negatives(self) -> None:
        """Say which Hits@K has fewer than K negatives: it is 1 whatever the scores are."""
        negatives = sum(int((y < 0.5).sum()) for y in self.y)  # type: ignore[union-attr, misc]
        if few := [k for k in self.hits if negatives < k]:
            warnings.warn(
                f"hits@{few[0]} is 1 whatever the scores are: there are {negatives} negatives; leave "
                f"{', '.join(map(str, few))} out of hits={self.hits}, or draw more negatives_per_link",
                stacklevel=2,
            )

    def names(self) -> list[str]:
        """Names of all numbers that :meth:`compute` may return; ``mrr`` needs groups."""
        known = ["auc", "ap", *(f"hits@{k}" for k in self.hits), "mrr"]
        if self.evaluator is None:
            return known
        ranks = ["hits@1", "hits@3", "hits@10", "mrr"]  # what the evaluators of MRR return
        official = ranks if self.evaluator.eval_metric == "mrr" else [self.evaluator.eval_metric]
        return [*known, *(f"ogb-{name}" for name in official)]

    def _official(self, score: Tensor, y: Tensor, group: Tensor) -> dict[str, Tensor]:
        positive, negative = score[y > 0.5], score[y < 0.5]
        if self.evaluator.eval_metric == "mrr":
            owners = group[y < 0.5]
            order = owners.argsort(stable=True)
            negative = negative[order].view(positive.numel(), -1)
        held: dict[str, Any] = self.evaluator.eval({"y_pred_pos": positive, "y_pred_neg": negative})
        return {
            f"ogb-{k.removesuffix('_list')}": torch.as_tensor(v, dtype=torch.float).mean()
            for k, v in held.items()
        }


def _ogb(name: str) -> Any:
    from ogb.linkproppred import Evaluator

    return Evaluator(name)
