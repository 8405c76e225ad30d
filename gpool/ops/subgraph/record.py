"""The record of enclosing subgraphs: one disjoint union, the target pair of each, the target's own edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gpool.ops.checks import values_checked
from gpool.ops.checks.parts import check_ids, check_shape
from gpool.ops.checks.records import CheckedRecord
from gpool.ops.csr.pattern import Pattern
from gpool.ops.masks import positions
from gpool.ops.sorted_keys import sort_keys
from gpool.ops.subgraph._record_checks import (
    check_counts,
    check_edges,
    check_record,
    check_reversed,
    find_targets,
)
from gpool.ops.subgraph.adjacency import expand

__all__ = ["EnclosingSubgraphs"]


def _pointer(index: Tensor, size: int) -> Tensor:
    count = torch.bincount(index, minlength=size)
    return torch.nn.functional.pad(count.cumsum(0), (1, 0))


@dataclass(frozen=True)
class EnclosingSubgraphs(CheckedRecord):
    """B enclosing subgraphs as one graph of N nodes and E directed edges, each with its target link in it.

    ``edge_index`` describes the graphs *with* the target link; without its edges at ``is_target`` it
    describes those without. Made by :func:`gpool.ops.subgraph.enclosing_subgraphs` from a large graph, or by
    :meth:`from_edges` from a batch of edges in any order; both leave the edges sorted by destination.
    A record made in another way is checked before its first use (:meth:`check`, 1 to 20 microseconds per
    link), and so is one whose tensors were changed in place.

    Shape:
        - **edge_index** [2, E]: source, destination. **is_target** [E] bool.
        - **target** [B, 2]: the two ends, as nodes of the union. **batch** [N], **node** [N]: every node's
          subgraph, and its id in the graph it was cut from.
        - **rowptr** [N + 1]: edges that end in a node; **order** [E], **colptr** [N + 1]: edges sorted by
          source.
        - **end_edge** [F], **end_slot** [F]: edges that end in a target node, and at which end: 2 b or 2 b +
          1.
    """

    edge_index: Tensor
    is_target: Tensor
    target: Tensor
    batch: Tensor
    node: Tensor
    rowptr: Tensor
    order: Tensor
    colptr: Tensor
    end_edge: Tensor
    end_slot: Tensor
    _patterns: dict[int, Pattern] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def num_graphs(self) -> int:
        """B, the number of subgraphs."""
        return self.target.size(0)

    @property
    def num_nodes(self) -> int:
        """N, the nodes of all subgraphs together."""
        return self.batch.numel()

    @property
    def num_edges(self) -> int:
        """E, the edges of all subgraphs together."""
        return self.is_target.numel()

    def check_parts(self) -> None:
        self._patterns.clear()
        check_record(self)

    def pattern(self, heads: int) -> Pattern:
        """Where ``heads`` transition matrices along a diagonal may be non-zero: [destination, source].

        Raises:
            ValueError: as :meth:`check`.
        """
        self.check()
        if heads not in self._patterns:
            self._patterns[heads] = (self._one() if heads == 1 else self.pattern(1)).copies(heads)
        return self._patterns[heads]

    def _one(self) -> Pattern:
        source, destination = self.edge_index
        by_source = destination.index_select(0, self.order)
        one = Pattern(self.rowptr, source, self.order, self.colptr, by_source)
        return one.trust() if values_checked(self.batch) else one

    def _map(self, function: Callable[[Tensor], Tensor]) -> EnclosingSubgraphs:
        made = EnclosingSubgraphs(*(function(getattr(self, name)) for name in self.__match_args__))
        return made.trust() if self.sound else made

    def to(self, device: torch.device | str, non_blocking: bool = False) -> EnclosingSubgraphs:
        """The same record on ``device``."""
        return self._map(lambda x: x.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> EnclosingSubgraphs:
        """The same record in page-locked memory."""
        return self._map(lambda x: x.pin_memory())

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.num_graphs} links, {self.num_nodes} nodes, {self.num_edges} edges)"
        )

    @classmethod
    def _derive(
        cls, edge_index: Tensor, is_target: Tensor, target: Tensor, batch: Tensor, node: Tensor
    ) -> EnclosingSubgraphs:
        source, destination = edge_index
        nodes = batch.numel()
        side = torch.full((nodes,), -1, dtype=torch.long, device=batch.device)
        side[target.reshape(-1)] = torch.arange(target.numel(), device=batch.device)
        slot = side.index_select(0, destination)
        end_edge = (slot >= 0).nonzero().squeeze(-1)
        return cls(
            edge_index,
            is_target,
            target,
            batch,
            node,
            _pointer(destination, nodes),
            sort_keys(source, nodes)[1],
            _pointer(source, nodes),
            end_edge,
            slot[end_edge],
        )

    @classmethod
    def from_reversed(
        cls, edge_index: Tensor, order: Tensor, target: Tensor, batch: Tensor, node: Tensor
    ) -> EnclosingSubgraphs:
        """The record of edges sorted by destination, then source, each once and in both directions.

        The reverse of edge e is edge ``order[e]``, and every node has an edge. Nothing is checked.
        """
        source, destination = edge_index
        rowptr = torch.zeros(batch.numel() + 1, dtype=torch.long, device=batch.device)
        rowptr[-1:] = source.numel()
        rowptr[1:-1] = positions(destination[1:] != destination[:-1]) + 1
        ends, slot = target.reshape(-1).sort()
        end_edge, which = expand(rowptr[ends], rowptr[ends + 1] - rowptr[ends])
        is_target = torch.zeros_like(destination, dtype=torch.bool)
        other = target.flip(1).reshape(-1)[slot]
        is_target[end_edge] = source.index_select(0, end_edge) == other.index_select(0, which)
        end_slot = slot.index_select(0, which)
        parts = edge_index, is_target, target, batch, node, rowptr, order, rowptr, end_edge, end_slot
        return cls(*parts).trust()

    @classmethod
    def from_parts(
        cls,
        source: Tensor,
        reverse: Tensor,
        degree: Tensor,
        nodes: Tensor,
        edges: Tensor,
        target: Tensor,
        node: Tensor,
    ) -> EnclosingSubgraphs:
        """The record of subgraphs that stand one after another, each numbered from 0.

        Shape:
            - **nodes** [B], **edges** [B]: how many of each; **degree** [N]: edges that end in a node.
            - **source** [E] and **reverse** [E], the position of the edge in the other direction: of edges
              sorted by destination, then source, each once. **target** [B, 2], **node** [N].

        Raises:
            ValueError: counts that do not fit, ids out of range, edges that are not sorted, a reverse that is
                not one, a subgraph without its target link.
        """
        check_counts(nodes, edges, degree, node, source)
        shift, shift_edge = nodes.cumsum(0) - nodes, edges.cumsum(0) - edges
        destination = torch.repeat_interleave(degree)
        batch = torch.repeat_interleave(nodes)
        of_edge = torch.repeat_interleave(edges)
        source = shift.index_select(0, of_edge).add_(source)
        order = shift_edge.index_select(0, of_edge).add_(reverse)
        target = target + shift.unsqueeze(1)
        check_reversed(source, destination, order, batch, of_edge, target, (nodes, edges, degree))
        made = cls.from_reversed(torch.stack([source, destination]), order, target, batch, node)
        if int(made.is_target.sum()) != target.numel():
            raise ValueError("target names a pair that no edge joins; its link must be among the edges")
        return made

    @classmethod
    def from_edges(
        cls,
        edge_index: Tensor,
        is_target: Tensor,
        batch: Tensor | None = None,
        num_graphs: int | None = None,
        node: Tensor | None = None,
    ) -> EnclosingSubgraphs:
        """The record of a batch of subgraphs whose edges are in any order, which a stable sort puts right.

        The target pair of a subgraph is found from its target edges, by the batch and never by their
        position: they must join the same two nodes in both directions (parallel ones count as one link of
        several edges).

        Shape:
            - **edge_index** [2, E], **is_target** [E] bool, **batch** [N] (default: one subgraph),
              **node** [N] (default: 0 .. N - 1).

        Raises:
            ValueError: shapes that do not fit, ids or entries of batch out of range, an edge between two
                subgraphs, a subgraph without a target link, one with more than one, with one direction only
                or with i = j.

        >>> import torch
        >>> edges = torch.tensor([[0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]])
        >>> target = torch.tensor([False, False, False, False, True, True])
        >>> EnclosingSubgraphs.from_edges(edges, target)
        EnclosingSubgraphs(1 links, 3 nodes, 6 edges)
        """
        check_edges(edge_index, is_target)
        if batch is None:
            nodes = int(edge_index.max()) + 1 if edge_index.numel() > 0 else 0
            batch = torch.zeros(max(nodes, 0), dtype=torch.long, device=edge_index.device)
        check_shape("batch", batch, (None,), torch.int64)
        if num_graphs is None:
            num_graphs = int(batch.max()) + 1 if batch.numel() > 0 else 0
        if num_graphs < 0:
            raise ValueError(f"num_graphs={num_graphs} must not be negative")
        check_ids("batch", batch, num_graphs, "subgraph")
        check_ids("edge_index", edge_index, batch.numel(), "node")
        if node is None:
            node = torch.arange(batch.numel(), device=batch.device)
        check_shape("node", node, (batch.numel(),), torch.int64)
        order = sort_keys(edge_index[1], batch.numel())[1]
        edge_index, is_target = edge_index[:, order], is_target[order]
        of_edge = batch[edge_index]
        if bool((of_edge[0] != of_edge[1]).any()):
            e = int(order[(of_edge[0] != of_edge[1]).nonzero()[0, 0]])
            raise ValueError(f"edge {e} joins two subgraphs; batch must give both its nodes the same one")
        target = find_targets(edge_index[:, is_target], of_edge[0, is_target], num_graphs)
        return cls._derive(edge_index, is_target, target, batch, node)
