"""Top-k coarsening of "Towards Sparse Hierarchical Graph Classifiers"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from gpool.ops.masks import places
from gpool.ops.partition.budget_gate import budget_gate
from gpool.ops.partition.gated_rows import gated_rows
from gpool.ops.partition.quotient import induced
from gpool.ops.partition.ties import near
from gpool.ops.partition.topk import exact_ratio, keep_count, topk_select
from gpool.ops.segment import Segments, segment_count
from gpool.pooling.base import Pooling
from gpool.pooling.pooled import Pooled

__all__ = ["SparseCoarsening"]


class SparseCoarsening(Pooling):
    r"""Keeps the nodes of every graph that lie furthest along a learned direction, and their edges.

    From "Towards Sparse Hierarchical Graph Classifiers", Cangea et al. 2018, arXiv:1811.01287.

    .. math:: y = X p / \|p\|_2, \quad i = \text{the } \lceil k N_g \rceil \text{ largest } y \text{ of } g,
              \quad X' = X_i \odot \tanh(y_i), \quad A' = A_{ii}

    The raw y is sorted, by one sort, so that saturated gates make no ties; equal y are ordered by node id.
    Kept nodes come graph by graph, best first. Only the direction of p matters: leave it out of weight decay.
    Gradient reaches p through the gates of kept nodes alone.

    With ``select="budget"`` the same nodes are kept, and the gates are those of
    :func:`gpool.ops.partition.budget_gate`: :math:`X' = X_i \odot \sigma(y_i + b_g)`, where b makes the gates
    of all nodes of a graph, kept and dropped, add up to the number of nodes that are kept. A node is gated
    at the expense of the others, so gradient reaches the scores of dropped nodes too. Where all nodes of a
    graph are kept, their gates are 1, without gradient.

    Args:
        channels: width C.
        ratio: a float in (0, 1] is the share k kept, rounded up exactly, 1.0 keeping all; an int is how many
            nodes each graph keeps, or all where it has fewer.
        nonlinearity: the gate, a function of y; tanh by default. Only with ``select="top"``.
        select: ``"top"``, gates of each kept node alone, or ``"budget"``, gates that share a budget.
        eps: the norm of p counts as at least this much.

    Shape:
        - ``x`` [N, C], ``edge_index`` [2, E], ``edge_attr`` [E] or [E, D], ``batch`` [N] -> :class:`Pooled`,
          whose ``score`` [K] are the gates. An empty graph stays empty; a graph of one node keeps it, gated
          (by 1 with "budget"). Directed graphs, self-loops and parallel edges are kept as they are.

    Raises:
        ValueError: ``channels``, ``ratio`` or ``eps`` is out of range; ``select`` is unknown, or "budget"
            with a ``nonlinearity``; an argument of ``forward`` has the wrong shape.

    >>> import torch, gpool
    >>> pool = gpool.SparseCoarsening(4, ratio=0.5)
    >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> out = pool(torch.randn(3, 4), path)
    >>> out.x.shape, out.lift(out.x).shape
    (torch.Size([2, 4]), torch.Size([3, 4]))
    """

    def __init__(
        self,
        channels: int,
        *,
        ratio: float | int = 0.8,
        nonlinearity: Callable[[Tensor], Tensor] | None = None,
        eps: float = 1e-12,
        select: Literal["top", "budget"] = "top",
    ) -> None:
        super().__init__(channels)
        if not 0 < eps < math.inf:
            raise ValueError(f"eps={eps} must be positive and finite")
        if select not in ("top", "budget"):
            raise ValueError(f"select={select!r} must be 'top' or 'budget'")
        if select == "budget" and nonlinearity is not None:
            raise ValueError("nonlinearity is given; with select='budget' the budget makes the gates")
        self.select = select
        self._ratio, self._exact_ratio = ratio, exact_ratio(ratio)
        self.nonlinearity = torch.tanh if nonlinearity is None else nonlinearity
        self.eps = eps
        self.weight = torch.nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    @property
    def ratio(self) -> float | int:
        """The share or number of nodes kept, fixed at construction."""
        return self._ratio

    def reset_parameters(self) -> None:
        """Draw the direction p anew."""
        bound = self.channels**-0.5
        torch.nn.init.uniform_(self.weight, -bound, bound)

    def pool(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, batch: Tensor, batch_size: int
    ) -> Pooled:
        """Keep the best nodes of every graph."""
        y = (x @ self.weight) / self.weight.norm().clamp(
            min=max(self.eps, torch.finfo(self.weight.dtype).tiny)
        )
        graphs = Segments(batch, batch_size)
        nodes = segment_count(graphs)
        count = keep_count(nodes, self._exact_ratio)
        # Where the terms of a projection cancel, it carries the rounding of the row's entries.
        size = torch.linalg.vector_norm(x.detach(), dim=1) * x.size(1) ** -0.5
        node = topk_select(y, graphs, count, batch_size, near(y.dtype), floor=size)
        cluster = places(node, x.size(0))
        coarse = induced(edge_index, cluster, edge_attr)
        if self.select == "budget":
            share = count.to(torch.promote_types(y.dtype, torch.float32)) / nodes.clamp(min=1)
            gate = budget_gate(y, graphs, keep=share).index_select(0, node)
        else:
            gate = self.nonlinearity(y.index_select(0, node))
        return Pooled(
            x=gated_rows(x, node, gate.to(x.dtype)),
            edge_index=coarse.edge_index,
            edge_attr=coarse.edge_attr,
            batch=batch.index_select(0, node),
            batch_size=batch_size,
            cluster=cluster,
            edge_cluster=coarse.edge_cluster,
            score=gate,
        )

    def __repr__(self) -> str:
        how = "" if self.select == "top" else f", select={self.select!r}"
        return f"{type(self).__name__}({self.channels}, ratio={self.ratio}{how})"
