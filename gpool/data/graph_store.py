"""Graphs in one place, and batches that are sliced out of it."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.data.collate import collate
from torch_geometric.data.separate import separate

__all__ = ["CollatedGraphs", "FetchedGraphs", "GraphStore", "can_collate", "row_index"]


class GraphStore(Sequence[Data]):
    """Graphs by their position, one at a time or as a batch."""

    @abstractmethod
    def batch(self, positions: Sequence[int]) -> Batch:
        """The graphs at ``positions``, in this order, as ``Batch.from_data_list`` makes it."""

    @overload
    def __getitem__(self, k: int) -> Data: ...
    @overload
    def __getitem__(self, k: slice) -> Sequence[Data]: ...
    def __getitem__(self, k: int | slice) -> Data | Sequence[Data]:
        places = range(len(self))[k]
        return self._one(places) if isinstance(places, int) else [self._one(place) for place in places]

    @abstractmethod
    def _one(self, k: int) -> Data: ...


def can_collate(graph: Data) -> bool:
    """Whether graphs like this one can be collated once: plain attributes, batched by PyG's own rules."""
    kind = type(graph)
    if kind.__inc__ is not Data.__inc__ or kind.__cat_dim__ is not Data.__cat_dim__:
        return False
    plain = all(
        (type(value) is Tensor and value.layout is torch.strided) or isinstance(value, (int, float, str))
        for value in graph.to_dict().values()
    )
    return plain and not any("batch" in key or key == "ptr" for key in graph.keys())  # noqa: SIM118


class _Attribute(NamedTuple):
    """How an attribute is gathered: which offsets it has, along which dimension, whether it names nodes."""

    key: str
    group: int
    dim: int
    names_nodes: bool


class CollatedGraphs(GraphStore):
    """Graphs whose attributes are each one tensor; a batch gathers rows and loops over no graph.

    Args:
        graphs: at least one; all pass :func:`can_collate`, have the same attributes, and ``x`` among them.
    """

    def __init__(self, graphs: Sequence[Data]) -> None:
        self.kind = type(graphs[0])
        self.data, self.slices, _ = collate(self.kind, list(graphs), increment=False, add_batch=False)
        self.counted: list[int] | None = getattr(self.data._store, "_num_nodes", None)
        self.empty = Batch(_base_cls=self.kind)
        self.each_one = torch.arange(len(self) + 1)
        self._group()

    def _group(self) -> None:
        """Group the attributes by how many rows each graph has in them; rows are found once per group."""
        self.offsets: list[Tensor] = [self.slices["x"]]
        self.plan: list[_Attribute] = []
        for key, slices in self.slices.items():
            value, group = self.data[key], 0
            if isinstance(value, Tensor):
                slices = self.each_one if torch.equal(slices, self.each_one) else slices
                known = (g for g, other in enumerate(self.offsets) if torch.equal(other, slices))
                group = next(known, len(self.offsets))
                if group == len(self.offsets):
                    self.offsets.append(slices)
            names_nodes = "index" in key or key == "face"  # PyG's rule
            self.plan.append(_Attribute(key, group, -1 if names_nodes else 0, names_nodes))

    def replace(self, key: str, value: Tensor, rows: int | None = None) -> None:
        """Put another tensor in the place of an attribute, with ``rows`` rows per graph, or as before."""
        self.data[key] = value
        if rows is not None:
            self.slices[key] = self.each_one * rows
            self._group()

    def drop(self, key: str) -> None:
        """Leave an attribute out, where it is there."""
        if self.slices.pop(key, None) is not None:
            del self.data[key]
            self._group()

    def __len__(self) -> int:
        return self.slices["x"].numel() - 1

    def _one(self, k: int) -> Data:
        return separate(self.kind, self.data, k, self.slices, decrement=False)

    def _rows(self, offsets: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if offsets is self.each_one and place.numel() <= len(self):  # such as labels
            return place, self.each_one[: place.numel() + 1], self.each_one[: place.numel()]
        return row_index(offsets, place)

    def batch(self, positions: Sequence[int]) -> Batch:
        """The graphs at ``positions``, in this order, as ``Batch.from_data_list`` makes it."""
        place = torch.as_tensor(positions)
        found = [self._rows(offsets, place) for offsets in self.offsets]
        _, ptr, owner = found[0]
        batch: Any = copy.copy(self.empty)  # PyG's constructor takes ten times as long
        store, no_shift = batch._store, torch.zeros_like(place)
        slices: dict[str, Tensor] = {}
        shifts: dict[str, Tensor | None] = {}
        for key, group, dim, names_nodes in self.plan:
            value = self.data[key]
            if not isinstance(value, Tensor):
                store[key] = [value[k] for k in positions]
                slices[key], shifts[key] = torch.arange(len(positions) + 1), None
                continue
            rows, ends, of = found[group]
            value = value.index_select(dim, rows)
            store[key] = value + ptr[of] if names_nodes else value
            slices[key], shifts[key] = ends, ptr[:-1] if names_nodes else no_shift
        if self.counted is not None:
            store._num_nodes = [self.counted[k] for k in positions]
            store.num_nodes = sum(store._num_nodes)
        store.batch, store.ptr = owner, ptr
        batch._num_graphs, batch._slice_dict, batch._inc_dict = len(positions), slices, shifts
        return batch


class FetchedGraphs(GraphStore):
    """Graphs that are fetched when a batch needs them, and collated by PyG: those on disk, and odd ones.

    Args:
        fetch: the graphs at positions.
        count: number of graphs.
        mend: what is done to every graph, given its position.
    """

    def __init__(
        self, fetch: Callable[[Sequence[int]], Sequence[Data]], count: int, mend: Callable[[Data, int], Data]
    ) -> None:
        self.fetch, self.size, self.mend = fetch, count, mend

    def __len__(self) -> int:
        return self.size

    def _one(self, k: int) -> Data:
        return self.mend(self.fetch([k])[0], k)

    def batch(self, positions: Sequence[int]) -> Batch:
        """The graphs at ``positions``, in this order."""
        graphs = self.fetch(positions)
        return Batch.from_data_list([self.mend(g, k) for g, k in zip(graphs, positions, strict=True)])


def row_index(offsets: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where the rows of some graphs lie: of graph g they are ``offsets[g]`` to ``offsets[g + 1] - 1``.

    Returns:
        The rows of the graphs ``place`` [B], one graph after the other [R]; where each graph ends among
        them, from 0 [B + 1]; which of the B graphs a row is of [R].
    """
    start = offsets[place]
    size = offsets[place + 1] - start
    ends = torch.zeros(place.numel() + 1, dtype=torch.long)
    torch.cumsum(size, 0, out=ends[1:])
    of = torch.repeat_interleave(size)
    return torch.arange(of.numel()) + (start - ends[:-1])[of], ends, of
