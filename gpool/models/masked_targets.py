"""The observed graph of a batch without the batch's own target links."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.link.batch import LinkBatch

__all__ = ["without_targets"]


def without_targets(batch: LinkBatch, owner: str) -> Tensor:
    """``batch.edge_index`` without the pairs of the batch, in either direction.

    A training link is in the observed graph, a test link is not; a model that sees the first learns to
    copy what it cannot see in the second.

    Raises:
        ValueError: a batch of subgraphs; one that holds every observed link, so that none would be left.
    """
    if batch.edge_index is None:
        raise ValueError(f"batch has no edge_index; {owner} reads the whole graph (Links(neighborhood=None))")
    size, edges = batch.x.size(0), batch.edge_index
    keys = batch.pairs.amin(1) * size + batch.pairs.amax(1)
    kept = ~torch.isin(edges.amin(0) * size + edges.amax(0), keys)
    left = edges[:, kept]
    if left.size(1) == 0 < edges.size(1):
        raise ValueError(
            f"batch holds all {edges.size(1) // 2} observed links, which leaves {owner} no graph; "
            "give the data a smaller batch_size, or set mask_targets=False"
        )
    return left
