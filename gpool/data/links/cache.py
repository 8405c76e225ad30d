"""Enclosing subgraphs on disk: written once, chunk by chunk, and read by position through a memory map."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gpool.data.files.checked_arrays import CheckedArrays, DamagedArrays, write_arrays
from gpool.ops.checks.parts import check_ids
from gpool.ops.subgraph import enclosing_subgraphs, iter_enclosing_subgraphs
from gpool.ops.subgraph.adjacency import Adjacency
from gpool.ops.subgraph.distance_labels import drnl
from gpool.ops.subgraph.record import EnclosingSubgraphs

__all__ = ["SubgraphCache"]

FORMAT = 4  # of the files; raise it when they change

ARRAYS = {
    "node": np.int64,
    "label": np.int32,
    "degree": np.int32,
    "source": np.int32,
    "reverse": np.int32,
    "target": np.int32,
    "nodes": np.int64,
    "edges": np.int64,
}


class SubgraphCache:
    """The enclosing subgraphs of fixed pairs of a fixed graph, each at its position.

    The folder's name carries a hash of the graph, the pairs and the options, so an old cache is never taken
    for another; it appears whole or not at all. Building it holds ``chunk`` links in memory, reading it those
    asked for. Every chunk has a checksum, which is compared when the chunk is first read; a cache that was
    damaged is made again, with a warning.

    Args:
        root: folder of all caches; made where it is missing.
        graph, pairs, num_hops, cap, seed: of :func:`gpool.ops.subgraph.enclosing_subgraphs`.
        labels: keep the distance labels too.
        chunk: links cut out at once.
        large: warn before a cache is written that will take more than so many bytes (1 GiB).
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        graph: Adjacency,
        pairs: Tensor,
        num_hops: int = 2,
        cap: int | None = None,
        seed: int = 0,
        labels: bool = False,
        chunk: int = 256,
        large: int = 1 << 30,
    ) -> None:
        key = hashlib.sha256()
        for tensor in (graph.rowptr, graph.col, pairs):
            key.update(tensor.contiguous().numpy().tobytes())
        key.update(repr((FORMAT, num_hops, cap, seed, labels)).encode())
        self.folder = Path(root) / key.hexdigest()[:20]
        self.graph, self.pairs = graph, pairs
        self.num_hops, self.cap, self.seed, self.labels, self.chunk = num_hops, cap, seed, labels, chunk
        if not self.folder.is_dir():
            self._warn(large)
            write_arrays(self.folder, ARRAYS, self._chunks())
        try:
            self._open()
        except DamagedArrays as damage:
            self._restore(damage)

    def size(self, sample: int = 64) -> int:
        """Bytes that the files will take, estimated from the subgraphs of evenly spaced pairs."""
        links = self.pairs.size(0)
        some = self.pairs[:: max(links // sample, 1)]
        if some.size(0) == 0:
            return 0
        record = enclosing_subgraphs(self.graph, some, self.num_hops, self.cap, self.seed)
        width = {name: np.dtype(dtype).itemsize for name, dtype in ARRAYS.items()}
        of_node = width["node"] + width["degree"] + (width["label"] if self.labels else 0)
        of_edge = width["source"] + width["reverse"]
        of_link = 2 * width["target"] + width["nodes"] + width["edges"]
        found = record.num_nodes * of_node + record.num_edges * of_edge
        return links * of_link + found * links // some.size(0)

    def _warn(self, large: int) -> None:
        size = self.size()
        if size > large:
            warnings.warn(
                f"the cache of {len(self):,} subgraphs will take about {size / 2**30:.3g} GiB in "
                f"{self.folder.parent}; Neighborhood(cache=None) cuts them out anew for every batch",
                stacklevel=3,
            )

    def _chunks(self) -> Iterator[dict[str, Tensor]]:
        for record in iter_enclosing_subgraphs(
            self.graph, self.pairs, self.chunk, self.num_hops, self.cap, self.seed
        ):
            graph = record.batch[record.edge_index[1]]
            nodes = torch.bincount(record.batch, minlength=record.num_graphs)
            edges = torch.bincount(graph, minlength=record.num_graphs)
            first, first_edge = nodes.cumsum(0) - nodes, edges.cumsum(0) - edges
            yield {
                "node": record.node,
                "label": drnl(record) if self.labels else record.node[:0],
                "degree": record.rowptr.diff(),
                "source": record.edge_index[0] - first[graph],
                "reverse": record.order - first_edge[graph],
                "target": record.target - first.unsqueeze(1),
                "nodes": nodes,
                "edges": edges,
            }

    def _open(self) -> None:
        self.files = CheckedArrays(self.folder, ARRAYS)
        self.arrays = self.files.arrays
        for name in ("nodes", "edges"):  # they say where every subgraph lies
            self.files.check_whole(name)
        lengths = torch.tensor(self.files.chunk_lengths("nodes"), dtype=torch.long)
        self.chunk_ends = lengths.cumsum(0)
        self.first_node = torch.nn.functional.pad(self.arrays["nodes"].cumsum(0), (1, 0))
        self.first_edge = torch.nn.functional.pad(self.arrays["edges"].cumsum(0), (1, 0))

    def _restore(self, damage: DamagedArrays) -> None:
        warnings.warn(f"{damage}; the cache is made again", stacklevel=3)
        write_arrays(self.folder, ARRAYS, self._chunks(), replace=True)
        self._open()

    def _check(self, index: Tensor) -> None:
        for chunk in torch.searchsorted(self.chunk_ends, index, right=True).unique().tolist():
            self.files.check(chunk)

    def __len__(self) -> int:
        return self.pairs.size(0)

    def select(self, index: Tensor) -> tuple[EnclosingSubgraphs, Tensor | None]:
        """The record of the pairs at these positions [B], and its labels [N].

        Raises:
            ValueError: a position that is not there; a file that is damaged still after the cache was made
                again.
        """
        check_ids("index", index, len(self))
        try:
            self._check(index)
        except DamagedArrays as damage:
            self._restore(damage)
            self._check(index)
        nodes, edges = self.arrays["nodes"][index], self.arrays["edges"][index]
        node, degree = (self._read(name, self.first_node[index], nodes) for name in ("node", "degree"))
        source, reverse = (self._read(name, self.first_edge[index], edges) for name in ("source", "reverse"))
        record = EnclosingSubgraphs.from_parts(
            source,
            reverse,
            degree.long(),
            nodes,
            edges,
            self.arrays["target"].view(-1, 2)[index].long(),
            node,
        )
        if not self.labels:
            return record, None
        return record, self._read("label", self.first_node[index], nodes).long()

    def _read(self, name: str, start: Tensor, count: Tensor) -> Tensor:
        """Ranges of an array, one after another."""
        held, stop = self.arrays[name], start + count
        ranges = [held[a:b] for a, b in zip(start.tolist(), stop.tolist(), strict=True)]
        return torch.cat([held[:0], *ranges])
