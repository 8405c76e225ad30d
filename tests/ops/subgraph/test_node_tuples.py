"""Labeled copies: what they are made of is checked."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gpool.ops.subgraph.node_tuples import label_tuples

EDGES, BATCH = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]]), torch.tensor([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("edge_index", "batch", "batch_size", "message"),
    [
        (EDGES + 2, BATCH, 2, r"edge_index holds node 5; ids must be 0 \.\. 3"),
        (EDGES - 1, BATCH, 2, "edge_index holds node -1"),
        (EDGES, BATCH, 1, r"batch holds graph 1; ids must be 0 \.\. 0"),
        (EDGES, BATCH - 1, 2, "batch holds graph -1"),
        (torch.tensor([[0, 1], [1, 2]]), BATCH, 2, "edge 1 joins graphs 0 and 1; it must stay inside of one"),
        (EDGES, BATCH.flip(0), 2, "batch must be sorted"),
        (EDGES.float(), BATCH, 2, r"edge_index of shape \(2, 4\) and torch.float32"),
        (EDGES, BATCH.float(), 2, r"batch of shape \(4,\) and torch.float32"),
        (EDGES[0], BATCH, 2, r"edge_index of shape \(4,\)"),
    ],
)
def test_errors(edge_index: Tensor, batch: Tensor, batch_size: int, message: str) -> None:
    label_tuples(EDGES, BATCH, 2)
    with pytest.raises(ValueError, match=message):
        label_tuples(edge_index, batch, batch_size)
