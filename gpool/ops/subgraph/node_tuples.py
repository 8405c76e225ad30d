"""Copies of every graph with labeled nodes or pairs of nodes, for subgraph and relational pooling GNNs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gpool.ops.checks import values_checked
from gpool.ops.checks.parts import check_ids, check_shape
from gpool.ops.subgraph.adjacency import expand

__all__ = ["LabeledCopies", "label_tuples"]


class LabeledCopies(NamedTuple):
    """M copies of graphs, N' nodes and E' edges in all.

    Shape:
        - **label** [N', l]: one-hot position of a node in its copy's tuple, zeros for all others.
        - **node** [N'], **edge** [E']: node and edge of the batch that is copied. **edge_index** [2, E'] in
          the copies.
        - **inner** [N']: every node's copy; **outer** [M]: every copy's graph; **tuples** [M, l]: its
          labeled nodes.
    """

    label: Tensor
    node: Tensor
    edge: Tensor
    edge_index: Tensor
    inner: Tensor
    outer: Tensor
    tuples: Tensor


def label_tuples(
    edge_index: Tensor,
    batch: Tensor,
    batch_size: int,
    length: int = 1,
    samples: int | None = None,
    seed: int = 0,
) -> LabeledCopies:
    """One copy of its graph for every ordered tuple of ``length`` different nodes, or for a sample of them.

    From Zhou, Wang, Zhang, "From Relational Pooling to Subgraph GNNs" (arXiv:2305.04963):

        y = outer over t in V^l  inner over i in V  GNN(G, [x_i || onehot(position of i in t)]),

    a nested readout: pool by ``inner``, then by ``outer``. With ``samples``, that many tuples of every graph
    are drawn uniformly and with replacement, so a mean over them is an unbiased estimate.

    Args:
        edge_index: the batch's edges [2, E], each inside one graph; ``batch`` [N], sorted.
        length: 1 or 2. A graph of fewer nodes has no tuple and so no copy.
        samples: tuples a graph; None takes all n, or n (n - 1).
        seed: of the sample.

    Raises:
        ValueError: length not 1 or 2, samples < 1, a batch that is not sorted, ids out of range, an edge
            between two graphs.

    >>> import torch
    >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> copies = label_tuples(path, torch.zeros(3, dtype=torch.long), 1)
    >>> copies.label.view(3, 3).tolist(), copies.outer.tolist()
    ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0, 0, 0])
    """
    if length not in (1, 2):
        raise ValueError(f"length={length} must be 1 or 2")
    if samples is not None and samples < 1:
        raise ValueError(f"samples={samples} must be at least 1, or None for all")
    _check(edge_index, batch, batch_size)
    count = torch.bincount(batch, minlength=batch_size)
    first = count.cumsum(0) - count
    every = count if length == 1 else count * (count - 1)
    if samples is None:
        rank, outer = expand(torch.zeros_like(every), every)
    else:
        outer = torch.arange(batch_size, device=batch.device)[every > 0].repeat_interleave(samples)
        generator = torch.Generator(device=batch.device).manual_seed(seed)
        drawn = torch.rand(outer.shape, generator=generator, dtype=torch.double, device=batch.device)
        rank = (drawn * every[outer]).long().clamp(max=every[outer] - 1)
    if length == 1:
        local = rank.unsqueeze(1)
    else:
        others = (count[outer] - 1).clamp(min=1)
        i, j = rank // others, rank % others
        local = torch.stack([i, j + (j >= i).long()], dim=1)  # different nodes
    tuples = local + first[outer].unsqueeze(1)
    node, inner = expand(first[outer], count[outer])
    label = (node.unsqueeze(1) == tuples[inner]).to(torch.get_default_dtype())
    by_graph = batch[edge_index[0]]
    order = by_graph.argsort(stable=True)
    edges = torch.bincount(by_graph, minlength=batch_size)
    position, copy = expand((edges.cumsum(0) - edges)[outer], edges[outer])
    edge = order[position]
    size = count[outer]
    shift = size.cumsum(0) - size - first[outer]  # from a node of the batch to its place in the copy
    return LabeledCopies(label, node, edge, edge_index[:, edge] + shift[copy], inner, outer, tuples)


def _check(edge_index: Tensor, batch: Tensor, batch_size: int) -> None:
    check_shape("edge_index", edge_index, (2, None), torch.int64)
    check_shape("batch", batch, (None,), torch.int64)
    if batch.numel() > 1 and bool((batch[1:] < batch[:-1]).any()):
        raise ValueError("batch must be sorted")
    if not values_checked(batch):
        return
    check_ids("batch", batch, batch_size, "graph")
    check_ids("edge_index", edge_index, batch.numel(), "node")
    of_edge = batch[edge_index]
    if not torch.equal(of_edge[0], of_edge[1]):
        e = int((of_edge[0] != of_edge[1]).nonzero()[0, 0])
        raise ValueError(
            f"edge {e} joins graphs {of_edge[0, e]} and {of_edge[1, e]}; it must stay inside of one"
        )
