"""A readout of readouts: nodes to the parts of a graph, parts to the graph."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_count, check_integers, checked_size, length_along, readable
from gpool.ops.segment import Segments, resolve

__all__ = ["Nested"]


class Nested(Aggregation):
    r"""Pools the nodes of every part of a graph, then the parts of every graph.

    .. math:: y_g = \mathrm{outer}_{t \in g}\ \mathrm{inner}_{i \in t}\ x_i

    Parts are copies of the graph with labeled nodes (:class:`gpool.transforms.LabelTuples`), subgraphs,
    motifs or clusters. The readout of "From Relational Pooling to Subgraph GNNs" (Zhou, Wang, Zhang, 2023,
    arXiv:2305.04963).

    Args:
        inner: readout of the nodes of a part.
        outer: readout of the parts of a graph, [..., M, D]; D is the width of the inner one.

    Shape:
        x [..., N, C], index [N] (any order) or ptr [B + 1], part [N] (any order) -> [..., B, D'].
        With N nodes, M parts, B graphs, D' the width of the outer readout.

    An empty graph gives what ``outer`` gives for an empty graph; a part without nodes belongs to no graph;
    one node is read by both.

    Raises:
        TypeError: ``inner`` or ``outer`` is no aggregation, or ``part`` does not hold integers.
        ValueError: ``part`` is not one part for each node, or a part has nodes of two graphs (looked at on
            the CPU only).
        IndexError: an entry of ``part`` is not below ``num_parts``.

    Example:
        >>> from torch_geometric.nn.aggr import MaxAggregation, SumAggregation
        >>> x, batch = torch.tensor([[1.0], [2.0], [4.0], [8.0]]), torch.tensor([0, 0, 0, 1])
        >>> readout = Nested(SumAggregation(), MaxAggregation())
        >>> readout(x, batch, part=torch.tensor([0, 0, 1, 2])).tolist()
        [[4.0], [8.0]]
    """

    def __init__(self, inner: Aggregation, outer: Aggregation) -> None:
        super().__init__()
        for name, readout in (("inner", inner), ("outer", outer)):
            if not isinstance(readout, Aggregation):
                raise TypeError(f"{name} is a {type(readout).__name__}; it must be an Aggregation")
        self.inner, self.outer = inner, outer
        widths = [getattr(readout, "out_channels", None) for readout in (outer, inner)]
        self.out_channels: int | None = next((width for width in widths if width is not None), None)
        self.channels: int | None = getattr(inner, "channels", None)

    def reset_parameters(self) -> None:
        """Reset both readouts."""
        self.inner.reset_parameters()
        self.outer.reset_parameters()

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        *,
        part: Tensor | None = None,
        num_parts: int | None = None,
    ) -> Tensor:
        """The pooled graphs [..., B, D'].

        ``part`` is the part of every node, by default one for each graph; without ``num_parts``, M is read
        off it, which synchronizes with the device.
        """
        nodes = length_along(x, dim)
        graphs = resolve(index, ptr, dim_size, nodes, x.device)
        part, count = _parts(part, num_parts, graphs)
        owner = torch.full((count,), graphs.size, dtype=torch.long, device=x.device)
        owner = owner.scatter(
            0, part, graphs.segment
        )  # parts without nodes stay with a graph that is left out
        if readable(part):
            _check_owner(owner, part, graphs.segment)
        rows = self.inner(x, part, dim_size=count, dim=dim)
        return self.outer(rows, owner, dim_size=graphs.size + 1, dim=dim).narrow(dim, 0, graphs.size)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.inner}, {self.outer})"


def _parts(part: Tensor | None, num_parts: int | None, graphs: Segments) -> tuple[Tensor, int]:
    if part is None:
        return graphs.segment, graphs.size
    check_integers("part", part)
    if part.shape != graphs.segment.shape:
        nodes = graphs.segment.numel()
        raise ValueError(f"part of shape {tuple(part.shape)} must be ({nodes},), one part for each node")
    if num_parts is not None:
        check_count("num_parts", num_parts)
    if readable(part):
        return part.long(), checked_size("part", part, num_parts, "num_parts")
    if num_parts is None:
        num_parts = int(part.max()) + 1 if part.numel() > 0 else 0
    return part.long(), num_parts


def _check_owner(owner: Tensor, part: Tensor, graph: Tensor) -> None:
    other = owner.index_select(0, part) != graph
    if bool(other.any()):
        node = int(other.nonzero()[0])
        one, two = sorted((int(graph[node]), int(owner[part[node]])))
        raise ValueError(f"part {int(part[node])} has nodes of graphs {one} and {two}; it must lie in one")
