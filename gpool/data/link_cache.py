"""Enclosing subgraphs on disk: written once, chunk by chunk, and read by position through a memory map."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gpool.ops.adjacency import Adjacency, expand
from gpool.ops.enclosing import EnclosingSubgraphs
from gpool.ops.labels import drnl
from gpool.ops.subgraph import iter_enclosing_subgraphs

__all__ = ["SubgraphCache"]

ARRAYS = {
    "node": np.int64,
    "label": np.int32,
    "source": np.int32,
    "destination": np.int32,
    "is_target": np.bool_,
    "edge": np.int64,
    "target": np.int32,
    "nodes": np.int64,
    "edges": np.int64,
}


class SubgraphCache:
    """The enclosing subgraphs of fixed pairs of a fixed graph, each at its position.

    The folder's name carries a hash of the graph, the pairs and the options, so an old cache is never taken
    for another; it appears whole or not at all. Building it holds ``chunk`` links in memory, reading it those
    asked for.

    Args:
        root: folder of all caches; made where it is missing.
        graph, pairs, num_hops, cap, seed: of :func:`gpool.ops.subgraph.enclosing_subgraphs`.
        labels: keep the distance labels too.
        chunk: links cut out at once.
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
    ) -> None:
        key = hashlib.sha256()
        for tensor in (graph.rowptr, graph.col, pairs):
            key.update(tensor.contiguous().numpy().tobytes())
        key.update(repr((num_hops, cap, seed, labels)).encode())
        self.folder = Path(root) / key.hexdigest()[:20]
        self.labels = labels
        if not self.folder.is_dir():
            self._write(iter_enclosing_subgraphs(graph, pairs, chunk, num_hops, cap, seed))
        self.arrays = {name: self._read(name) for name in ARRAYS}
        self.first_node = torch.nn.functional.pad(self.arrays["nodes"].cumsum(0), (1, 0))
        self.first_edge = torch.nn.functional.pad(self.arrays["edges"].cumsum(0), (1, 0))

    def _write(self, records: Iterator[EnclosingSubgraphs]) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix="."))
        files = {name: (made / f"{name}.bin").open("wb") for name in ARRAYS}
        try:
            for record in records:
                count = torch.bincount(record.batch, minlength=record.num_graphs)
                first = count.cumsum(0) - count
                graph = record.batch[record.edge_index[1]]
                values = {
                    "node": record.node,
                    "label": drnl(record) if self.labels else record.node[:0],
                    "source": record.edge_index[0] - first[graph],
                    "destination": record.edge_index[1] - first[graph],
                    "is_target": record.is_target,
                    "edge": record.edge,
                    "target": record.target - first.unsqueeze(1),
                    "nodes": count,
                    "edges": torch.bincount(graph, minlength=record.num_graphs),
                }
                for name, value in values.items():
                    files[name].write(value.numpy().astype(ARRAYS[name]).tobytes())
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        finally:
            for file in files.values():
                file.close()
        try:
            made.rename(self.folder)
        except OSError:  # another process was first
            shutil.rmtree(made)

    def _read(self, name: str) -> Tensor:
        path = self.folder / f"{name}.bin"
        if path.stat().st_size == 0:
            return torch.from_numpy(np.empty(0, ARRAYS[name]))
        return torch.from_numpy(np.memmap(path, ARRAYS[name], mode="c"))

    def __len__(self) -> int:
        return self.arrays["nodes"].numel()

    def select(self, index: Tensor) -> tuple[EnclosingSubgraphs, Tensor | None]:
        """The record of the pairs at these positions [B], and its labels [N]."""
        nodes, edges = self.arrays["nodes"][index], self.arrays["edges"][index]
        at_node, batch = expand(self.first_node[index], nodes)
        at_edge, graph = expand(self.first_edge[index], edges)
        shift = nodes.cumsum(0) - nodes
        of_edge = shift[graph]
        edge_index = torch.stack(
            [self.arrays["source"][at_edge] + of_edge, self.arrays["destination"][at_edge] + of_edge]
        )
        target = self.arrays["target"].view(-1, 2)[index] + shift.unsqueeze(1)
        record = EnclosingSubgraphs.from_sorted(
            edge_index,
            self.arrays["is_target"][at_edge],
            target,
            batch,
            self.arrays["node"][at_node],
            self.arrays["edge"][at_edge],
        )
        return record, self.arrays["label"][at_node].long() if self.labels else None
