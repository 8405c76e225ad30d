"""Boosted trees on fixed features of a link: the fastest honest baseline."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.link.walk_features import WalkProfile
from gpool.models.fitted import FittedModel
from gpool.models.forest import Forest
from gpool.ops.checks.arguments import check_positive

__all__ = ["BoostedLinks"]


class BoostedLinks(FittedModel):
    """scikit-learn's ``HistGradientBoostingClassifier`` on a link pooling without parameters.

    With the walk profile it has a mean test AUC of 98.34 on USAir (published splits 1 to 5), where the
    trained :class:`WalkPoolNetwork` has 98.36, in 5 seconds a split in place of minutes. It loses on
    C. elegans: 90.67 on splits 1 to 3, where the network has 91.49.

    Args:
        features: called with None and the record of the subgraphs, returns [B, F]; None is
            :class:`gpool.link.WalkProfile`.
        max_iter: number of trees.
        learning_rate: share of a tree in the sum.
        max_leaf_nodes: leaves of a tree, at most.
        min_samples_leaf: links in a leaf, at least.
        l2_regularization: of the leaves' values.

    Shape:
        - a :class:`LinkBatch` of B links with subgraphs -> [B], logits.

    Raises:
        ValueError: sizes below 1, a batch without subgraphs, training links of one class alone.
    """

    def __init__(
        self,
        features: nn.Module | None = None,
        *,
        max_iter: int = 100,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 31,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
    ) -> None:
        super().__init__()
        check_positive(max_iter=max_iter, min_samples_leaf=min_samples_leaf)
        if learning_rate <= 0:
            raise ValueError(f"learning_rate={learning_rate} must be above 0")
        if max_leaf_nodes < 2:
            raise ValueError(f"max_leaf_nodes={max_leaf_nodes} must be at least 2")
        if l2_regularization < 0:
            raise ValueError(f"l2_regularization={l2_regularization} must not be negative")
        self.features = WalkProfile() if features is None else features
        self.max_iter, self.learning_rate = max_iter, learning_rate
        self.max_leaf_nodes, self.min_samples_leaf = max_leaf_nodes, min_samples_leaf
        self.l2_regularization = l2_regularization
        self.forest = Forest(max_iter, 2 * max_leaf_nodes - 1)
        self._rows: list[tuple[Tensor, Tensor]] = []

    @property
    def fitted(self) -> bool:
        """Whether there are trees."""
        return bool(self.forest.num_trees > 0)

    def describe_links(self, batch: LinkBatch) -> Tensor:
        """The features of every link, [B, F]."""
        if batch.subgraphs is None:
            raise ValueError(
                "batch has no subgraphs; BoostedLinks reads the enclosing subgraph of every pair"
            )
        return self.features(None, batch.subgraphs)

    @torch.no_grad()
    def collect(self, batch: LinkBatch) -> None:
        """Keep the features and labels of a batch."""
        self._rows.append((self.describe_links(batch).cpu(), batch.y.cpu()))

    def fit(self) -> None:
        """Fit the trees to the batches that were kept."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        if not self._rows:
            return
        x, y = (torch.cat(column).double().numpy() for column in zip(*self._rows, strict=True))
        self._rows = []
        if np.unique(y).size < 2:
            raise ValueError(f"all {y.size} training links have y = {y[0]:g}; trees need links and negatives")
        trees = HistGradientBoostingClassifier(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            l2_regularization=self.l2_regularization,
            early_stopping=False,
            random_state=0,
        )
        self.forest.take(trees.fit(x, y > 0.5))

    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits [B] in float64; zeros before the fit."""
        return self.forest(self.describe_links(batch))
