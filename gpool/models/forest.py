"""Boosted trees as tensors: what scikit-learn has fitted, in a state dict and without pickle."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Forest"]

PARTS = {
    "feature": torch.long,
    "threshold": torch.double,
    "left": torch.long,
    "right": torch.long,
    "value": torch.double,
}


class Forest(nn.Module):
    """The sum of binary trees: features [B, F] -> [B] in float64; zeros while there is no tree.

    Args:
        max_trees, max_nodes: T and M, the trees and the nodes of a tree that there is room for.

    A node with x[feature] <= threshold goes to ``left``, else to ``right``; a leaf goes to itself. All trees
    and rows take one step at a time.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor
    num_trees: Tensor
    depth: Tensor
    baseline: Tensor

    def __init__(self, max_trees: int, max_nodes: int) -> None:
        super().__init__()
        self.max_trees, self.max_nodes = max_trees, max_nodes
        for name, dtype in PARTS.items():
            self.register_buffer(name, torch.zeros(max_trees, max_nodes, dtype=dtype))
        self.register_buffer("num_trees", torch.tensor(0))
        self.register_buffer("depth", torch.tensor(0))
        self.register_buffer("baseline", torch.tensor(0.0, dtype=torch.double))

    def take(self, model: Any) -> None:
        """Take over the trees of a ``HistGradientBoostingClassifier`` of two classes, fitted on numbers."""
        trees = [of_class[0].nodes for of_class in model._predictors]
        for k, nodes in enumerate(trees):
            leaf, here = nodes["is_leaf"].astype(bool), np.arange(len(nodes))
            found = {
                "feature": np.where(leaf, 0, nodes["feature_idx"]),
                "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
                "left": np.where(leaf, here, nodes["left"]),
                "right": np.where(leaf, here, nodes["right"]),
                "value": np.where(leaf, nodes["value"], 0.0),
            }
            for name, column in found.items():
                held = getattr(self, name)
                held[k, : len(nodes)] = torch.from_numpy(column).to(held)
        self.num_trees.fill_(len(trees))
        self.depth.fill_(max(int(nodes["depth"].max()) for nodes in trees))
        self.baseline.fill_(float(np.ravel(model._baseline_prediction)[0]))

    def forward(self, x: Tensor) -> Tensor:
        """The sums [B]."""
        x = x.double()
        trees = int(self.num_trees)
        node = torch.zeros(x.size(0), trees, dtype=torch.long, device=x.device)
        tree = torch.arange(trees, device=x.device)
        for _ in range(int(self.depth)):
            below = x.gather(1, self.feature[tree, node]) <= self.threshold[tree, node]
            node = torch.where(below, self.left[tree, node], self.right[tree, node])
        return self.value[tree, node].sum(1) + self.baseline

    def _apply(self, function: Any, recurse: bool = True) -> Forest:
        """Move the buffers; their type stays, or rows would fall on the other side of a threshold."""
        for name, tensor in self._buffers.items():
            assert tensor is not None
            self._buffers[name] = tensor.to(function(tensor).device)
        return self
