"""Checksums of the data of a run, and of their split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xxhash
from torch import Tensor
from torch_geometric.data import Data

from gpool.data import LinkGraph, LinkSplit, Split
from gpool.data.graph_store import CollatedGraphs

__all__ = ["checksums"]


def checksums(data: Any) -> dict[str, str | None]:
    """``"data"`` and ``"split"``: hashes of all instances as trained on, and of which part each is in.

    None where the data do not say it, or stay on disk.
    """
    graphs, graph, split = (getattr(data, name, None) for name in ("graphs", "graph", "split"))
    content: Any = {}
    parts: Any = {}
    if isinstance(graphs, CollatedGraphs):
        content = {**graphs.data.to_dict(), **{f"slices of {k}": v for k, v in graphs.slices.items()}}
    elif isinstance(graph, LinkGraph):
        content = {"pairs": graph.pairs, "x": graph.x}
    elif isinstance(graph, Data):
        content = {k: v for k, v in graph.to_dict().items() if not k.endswith("_mask")}
        parts = {k: v for k, v in graph.to_dict().items() if k.endswith("_mask")}
    if isinstance(split, Split):
        parts = split._asdict()
    elif isinstance(split, LinkSplit):
        parts = split.parts()
    return {"data": _hash(content.items()), "split": _hash(parts.items())}


def _hash(named: Iterable[tuple[str, Any]]) -> str | None:
    state, found = xxhash.xxh3_128(), False
    for name, value in named:
        if isinstance(value, (Tensor, np.ndarray)):
            array = np.ascontiguousarray(value.cpu().numpy() if isinstance(value, Tensor) else value)
            state.update(f"{name} {array.dtype} {array.shape} ".encode())
            state.update(array.view(np.uint8).data if array.size and array.ndim else array.tobytes())
            found = True
    return state.hexdigest() if found else None
