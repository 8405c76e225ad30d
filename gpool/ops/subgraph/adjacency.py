"""An undirected graph as sorted rows of neighbors, for reading the neighbors of many nodes at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gpool.ops.checks.parts import check_ids, check_pointer, check_shape, is_integer
from gpool.ops.checks.records import CheckedRecord
from gpool.ops.csr.pattern import index_type
from gpool.ops.sorted_keys import sort_keys, sort_values

__all__ = ["Adjacency", "expand"]


@dataclass(frozen=True)
class Adjacency(CheckedRecord):
    """Neighbors of every node in rising order; every edge in both directions and once.

    Made by :meth:`from_edges`; one that is made in another way is checked before its first use.

    Shape:
        - **rowptr** [N + 1], **col** [E]: the neighbors of v are col[rowptr[v]:rowptr[v + 1]].
    """

    rowptr: Tensor
    col: Tensor
    _derived: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_edges(cls, edge_index: Tensor, num_nodes: int) -> Adjacency:
        """The graph of an edge list [2, E], in either direction or both; repeated edges count once.

        Raises:
            ValueError: edge_index that is not [2, E] of integers, or with ids outside 0 .. num_nodes - 1.

        >>> import torch
        >>> graph = Adjacency.from_edges(torch.tensor([[0, 1, 1], [1, 0, 2]]), num_nodes=4)
        >>> graph.rowptr.tolist(), graph.col.tolist()
        ([0, 1, 3, 4, 4], [1, 0, 2, 1])
        """
        if edge_index.dim() != 2 or edge_index.size(0) != 2 or not is_integer(edge_index):
            raise ValueError(
                f"edge_index of shape {tuple(edge_index.shape)} and {edge_index.dtype} "
                "must be [2, E] of integers"
            )
        if num_nodes < 0:
            raise ValueError(f"num_nodes={num_nodes} must not be negative")
        check_ids("edge_index", edge_index, num_nodes, "node")
        source, target = edge_index.long()
        keys = torch.cat([source * num_nodes + target, target * num_nodes + source])
        keys = sort_values(keys)
        first = torch.ones_like(keys, dtype=torch.bool)
        first[1:] = keys[1:] != keys[:-1]
        keys = keys[first]
        row, col = keys // max(num_nodes, 1), keys % max(num_nodes, 1)
        rowptr = torch.nn.functional.pad(torch.bincount(row, minlength=num_nodes).cumsum(0), (1, 0))
        return cls(rowptr, col).trust()

    def check_parts(self) -> None:
        self._derived.clear()
        check_shape("rowptr", self.rowptr, (None,), torch.int64)
        check_shape("col", self.col, (None,), torch.int64)
        check_pointer("rowptr", self.rowptr, self.num_edges)
        check_ids("col", self.col, self.num_nodes, "node")
        row = torch.repeat_interleave(self.degree)
        keys = row * self.num_nodes + self.col
        if bool((keys[1:] <= keys[:-1]).any()):
            at = int((keys[1:] <= keys[:-1]).nonzero()[0, 0]) + 1
            raise ValueError(f"col[{at}] = {int(self.col[at])}; the neighbors of a node must rise, each once")
        if not torch.equal(sort_values(self.col * self.num_nodes + row), keys):
            raise ValueError("rowptr and col hold an edge in one direction only; every edge must be in both")

    @property
    def num_nodes(self) -> int:
        """N, the number of nodes."""
        return self.rowptr.numel() - 1

    @property
    def num_edges(self) -> int:
        """Directed edges: each of the graph's twice, a self-loop once."""
        return self.col.numel()

    @property
    def degree(self) -> Tensor:
        return self.rowptr.diff()

    @property
    def row(self) -> Tensor:
        """The node of every entry of ``col``."""
        return self._once("row", lambda: torch.repeat_interleave(self.degree))

    @property
    def keys(self) -> Tensor:
        """row * N + col of every entry, rising."""
        return self._once("keys", lambda: self.row * self.num_nodes + self.col)

    @property
    def reverse(self) -> Tensor:
        """Where the edge (col, row) of every edge (row, col) stands."""
        return self._once("reverse", lambda: sort_keys(self.col, self.num_nodes)[1])

    @property
    def upward(self) -> tuple[Tensor, Tensor]:
        """Every edge once, at its end of smaller degree, with the rank of the other end by falling degree.

        So no row is longer than the square root of twice the number of edges, however skewed the degrees are
        (Chiba and Nishizeki 1985). Ranks of hubs, which come often, lie close together.

        Shape:
            - [N, 3]: the start of a node's row, its length, the node's own rank; [E'], the ranks; int32 where
              that counts so far.
        """
        return self._once("upward", self._upward)

    def _upward(self) -> tuple[Tensor, Tensor]:
        nodes, rank = self.num_nodes, torch.empty_like(self.degree)
        falling = torch.arange(nodes - 1, -1, -1, device=rank.device)
        rank[sort_keys(self.degree, self.num_edges + 1)[1]] = falling
        above = rank[self.col]
        kept = above <= rank[self.row]
        count = torch.bincount(self.row[kept], minlength=nodes)
        rows, dtype = torch.stack([count.cumsum(0) - count, count, rank], dim=1), index_type(above.numel())
        return rows.to(dtype), above[kept].to(dtype)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        self.check()
        if name not in self._derived:
            self._derived[name] = make()
        return self._derived[name]

    def scratch(self, entries: int) -> Tensor:
        """At least so many zeros, int32, which :meth:`keep` takes back for the next who asks, all zero."""
        held: Tensor | None = self._derived.pop("scratch", None)
        if held is None or held.numel() < entries:
            held = torch.zeros(entries, dtype=torch.int32, device=self.col.device)
        return held

    def keep(self, zeros: Tensor) -> None:
        """Take back what :meth:`scratch` gave."""
        self._derived["scratch"] = zeros

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_derived": {}}  # cheaper to make again than to send

    def position(self, row: Tensor, col: Tensor) -> Tensor:
        """Where the edges (row, col) stand in ``self.col``, -1 for those that are not in the graph."""
        self.check()
        low, high = self.rowptr[row], self.rowptr[row + 1]
        end = high
        steps = int((high - low).max()).bit_length() if row.numel() > 0 else 0
        for _ in range(steps):  # bisection in every row
            middle = (low + high) // 2
            below = self.col[middle.clamp(max=max(self.num_edges - 1, 0))] < col
            active = low < high
            low = torch.where(active & below, middle + 1, low)
            high = torch.where(active & ~below, middle, high)
        found = low < end
        found &= self.col[low.clamp(max=max(self.num_edges - 1, 0))] == col if self.num_edges > 0 else found
        return torch.where(found, low, -1)

    def __contains__(self, pair: tuple[int, int]) -> bool:
        self.check()
        if not all(0 <= node < self.num_nodes for node in pair):
            return False
        return bool(self.position(torch.tensor([pair[0]]), torch.tensor([pair[1]]))[0] >= 0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_nodes} nodes, {self.num_edges} directed edges)"


def expand(start: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Concatenate ranges [start, start + count); return positions and range ids."""
    owner = torch.repeat_interleave(count)
    offset = start - (count.cumsum(0, dtype=count.dtype) - count)
    position = torch.arange(owner.numel(), dtype=start.dtype, device=start.device)
    return position.add_(offset.index_select(0, owner)), owner
