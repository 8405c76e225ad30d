"""Edges among the members of many subgraphs, each found once, from its end that comes first by degree."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from gpool.ops.masks import positions
from gpool.ops.sorted_keys import among, marks, sort_keys, sort_values
from gpool.ops.subgraph.adjacency import Adjacency, expand

__all__ = ["induce", "parts"]

TABLE = 1 << 26  # entries of 4 bytes: a graph of more nodes is searched by bisection


def parts(count: Tensor, owner: Tensor, max_entries: int) -> Iterator[slice]:
    """Slices of the sorted ``owner``, each of whole owners and of counts of about ``max_entries`` in sum."""
    total = count.cumsum(0)
    if total.numel() == 0:
        return
    if int(total[-1]) <= max_entries:
        yield slice(0, total.numel())
        return
    last = torch.ones_like(owner, dtype=torch.bool)
    last[:-1] = owner[1:] != owner[:-1]
    ends = last.nonzero().squeeze(1)
    at_end = total[ends]
    begin, spent = 0, 0
    while begin < total.numel():
        k = int(torch.searchsorted(at_end, spent + max_entries, right=True)) - 1
        k = max(k, int(torch.searchsorted(ends, begin)))  # at least one owner
        end = int(ends[k]) + 1
        yield slice(begin, end)
        begin, spent = end, int(at_end[k])


def induce(
    graph: Adjacency, target: Tensor, batch: Tensor, rows: Tensor, max_entries: int
) -> tuple[Tensor, Tensor]:
    """Edges [2, E] among the members, sorted by destination and source, and where the reverse of each is.

    The target link is among them, whether the graph has it or not. ``rows`` [N, 3] are the members' of
    :attr:`Adjacency.upward`.
    """
    above, (start, count, rank) = graph.upward[1], rows.t().contiguous()
    first, second = [target.amin(1).to(rank.dtype)], [target.amax(1).to(rank.dtype)]
    for block in _blocks(batch, graph.num_nodes, target.size(0)):
        find = _Members(graph, batch[block], rank[block], block.start)
        for part in parts(count[block], batch[block], min(max_entries, 1 << 30)):
            here = slice(block.start + part.start, block.start + part.stop)
            position, of = expand(start[here], count[here])
            kept, other = find(part, of, above.index_select(0, position))
            one = of.index_select(0, kept).add_(here.start)
            first.append(torch.minimum(one, other))
            second.append(torch.maximum(one, other))
        find.close()
    return _both_ways(torch.cat(first), torch.cat(second), batch.numel())


def _both_ways(low: Tensor, high: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """The edges low <= high of 0 .. nodes - 1, of which the targets may come twice, in both directions."""
    bits = max(nodes - 1, 1).bit_length()
    narrow = torch.int32 if 2 * bits <= 31 else torch.int64  # half as wide is sorted twice as fast
    low, high = low.to(narrow), high.to(narrow)
    keys = sort_values(torch.cat([high << bits | low, low << bits | high]))
    new = torch.ones_like(keys, dtype=torch.bool)
    torch.ne(keys[1:], keys[:-1], out=new[1:])
    keys = keys.index_select(0, positions(new))
    source = keys & ((1 << bits) - 1)
    return torch.stack([source, keys >> bits]).long(), _sorting(source, bits)


def _sorting(source: Tensor, bits: int) -> Tensor:
    """Where the edges come from when they are sorted by source; equal ones keep their order."""
    places = source.numel().bit_length()
    if bits + places > 31:
        return sort_keys(source.long(), 1 << bits)[1]
    both = source << places | torch.arange(source.numel(), dtype=torch.int32, device=source.device)
    return (sort_values(both) & ((1 << places) - 1)).long()


def _blocks(batch: Tensor, size: int, links: int) -> Iterator[slice]:
    """Slices of the members, of as many subgraphs as a table of their nodes has room for."""
    width = max(TABLE // max(size, 1), 1)
    edges = torch.arange(0, links + width, width, device=batch.device)
    ends: list[int] = torch.searchsorted(batch, edges).tolist()
    for begin, end in itertools.pairwise(ends):
        yield slice(begin, end)


class _Members:
    """Where a rank stands among the members of a subgraph: by a table [subgraphs, ranks], or by bisection.

    The table lives as long as the graph, since to clear it at the members is cheaper than to make it.
    """

    def __init__(self, graph: Adjacency, batch: Tensor, rank: Tensor, start: int) -> None:
        self.graph, self.start, size = graph, start, graph.num_nodes
        first, last = (int(batch[0]), int(batch[-1])) if batch.numel() > 0 else (0, -1)
        base = (batch - first) * size
        self.keys = base + rank
        self.table: Tensor | None = None
        if size <= TABLE and start + rank.numel() < 2**31:
            self.table = graph.scratch((last + 1 - first) * size)
            place = torch.arange(1, rank.numel() + 1, dtype=torch.int32, device=rank.device)
            self.table.scatter_(0, self.keys, place)
            self.base = base.to(rank.dtype)
        else:
            self.keys, self.order = sort_keys(self.keys, (last + 1 - first) * size)
            self.base, self.maybe = base, marks(self.keys)

    def __call__(self, part: slice, member: Tensor, rank: Tensor) -> tuple[Tensor, Tensor]:
        """Which ranks are in the subgraph of their member of the part, and where each of them stands."""
        query = self.base[part].index_select(0, member).add_(rank)
        if self.table is None:
            kept, at = among(self.keys, query, self.maybe)
            return kept, self.order[at].add_(self.start)
        place = self.table.index_select(0, query)
        kept = positions(place > 0)
        return kept, place.index_select(0, kept).add_(self.start - 1)

    def close(self) -> None:
        """Leave the table as it was found."""
        if self.table is not None:
            self.table.index_fill_(0, self.keys, 0)
            self.graph.keep(self.table)
