"""From graphs as they were given to graphs as they are trained on: checked, converted, labels numbered."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data, OnDiskDataset

from gpool.data.graph_checks import Columns, check_structure, check_values, graph_name, own_id
from gpool.data.graph_store import CollatedGraphs, FetchedGraphs, GraphStore, can_collate
from gpool.data.labels import Labels, Task, read_labels

__all__ = ["CheckedGraphs", "checked_graphs", "convert", "convert_note"]

CHUNK = 4096
"""Graphs that are read at a time where they do not fit in memory."""


class CheckedGraphs(NamedTuple):
    """Graphs that passed all checks, what their labels say (None without labels) and their ids."""

    store: GraphStore
    labels: Labels | None
    ids: list[Any]


def convert(key: str, value: Tensor, categorical: bool) -> Tensor:
    """The one rule of dtypes: features are float32 (integers stay where categorical), node ids int64."""
    if key == "edge_index":
        return value.long()
    return value if categorical and not value.is_floating_point() else value.float()


def convert_note(key: str, value: Tensor, categorical: bool) -> None:
    """Say so where :func:`convert` changes a dtype."""
    now = convert(key, value, categorical).dtype
    if now != value.dtype:
        hint = "" if value.is_floating_point() or key == "edge_index" else "; categorical=True keeps integers"
        before, after = (str(dtype).removeprefix("torch.") for dtype in (value.dtype, now))
        warnings.warn(f"{key} is {before} and is trained on as {after}{hint}", stacklevel=3)


def checked_graphs(
    graphs: Sequence[Data] | OnDiskDataset, task: Task | None, categorical: bool = False, labeled: bool = True
) -> CheckedGraphs:
    """Check all graphs once, convert them, and number their labels.

    Graphs in memory are collated into one store; those on disk are read in chunks and fetched again for every
    batch.

    Raises:
        ValueError: for the first graph that cannot be trained on; it says what would be right.
    """
    if len(graphs) == 0:
        raise ValueError("the set has no graphs; it must have at least one")
    first = graphs[0]
    for key in ("x", "edge_index", "edge_attr"):
        if isinstance(first.get(key), Tensor):
            convert_note(key, first[key], categorical)
    if isinstance(graphs, OnDiskDataset) or not can_collate(first):
        return _fetched(graphs, first, task, categorical, labeled)
    check_structure(graphs, first, labeled=labeled)
    store = CollatedGraphs(graphs)
    name = lambda k: graph_name(graphs[k], k)  # noqa: E731
    check_values(columns_of(store), name)
    ids = [own if (own := own_id(graph)) is not None else k for k, graph in enumerate(graphs)]
    for key in ("x", "edge_index", "edge_attr"):
        if key in store.slices:
            store.replace(key, convert(key, store.data[key], categorical))
    if not labeled:
        store.drop("y")
        return CheckedGraphs(store, None, ids)
    labels = read_labels(store.data.y, len(graphs), task, name)
    store.replace("y", labels.y, rows=1)
    return CheckedGraphs(store, labels, ids)


def columns_of(store: CollatedGraphs) -> Columns:
    """Features and edges of a store, for the checks."""
    data, slices = store.data, store.slices
    nodes, edges = slices["x"].diff(), slices["edge_index"].diff()
    edge_rows = slices["edge_attr"].diff() if "edge_attr" in slices else None
    told = None if store.counted is None else torch.tensor(store.counted)
    return Columns(data.x, data.edge_index, data.edge_attr, nodes, edges, edge_rows, told)


def _fetched(
    graphs: Sequence[Data] | OnDiskDataset, first: Data, task: Task | None, categorical: bool, labeled: bool
) -> CheckedGraphs:
    fetch = fetcher(graphs)
    ids: list[Any] = []
    found: list[Any] = []
    for start in range(0, len(graphs), CHUNK):
        chunk = fetch(range(start, min(start + CHUNK, len(graphs))))
        check_structure(chunk, first, start, labeled)
        bare = CollatedGraphs([bare_graph(graph) for graph in chunk])
        check_values(columns_of(bare), lambda k, c=chunk, s=start: graph_name(c[k], s + k))  # type: ignore[misc]
        ids += [own if (own := own_id(g)) is not None else start + k for k, g in enumerate(chunk)]
        found += [g.y for g in chunk] if labeled else []
    labels = None
    if labeled:
        numbers = not isinstance(found[0], str)
        y = torch.stack([_tensor(label, k) for k, label in enumerate(found)]) if numbers else found
        labels = read_labels(y, len(graphs), task, lambda k: graph_name(fetch([k])[0], k))

    def mend(graph: Data, k: int) -> Data:
        graph = copy.copy(graph)
        for key in ("x", "edge_index", "edge_attr"):
            if key in graph:
                graph[key] = convert(key, graph[key], categorical)
        graph.y = None if labels is None else labels.y[k : k + 1]
        return graph

    return CheckedGraphs(FetchedGraphs(fetch, len(graphs), mend), labels, ids)


def bare_graph(graph: Data) -> Data:
    """What the checks look at."""
    keys = ("x", "edge_index", "edge_attr", "num_nodes")
    return Data(**{key: graph[key] for key in keys if key in graph})


def _tensor(label: Any, k: int) -> Tensor:
    try:
        return torch.as_tensor(label).reshape(-1)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"graph {k}: y is {type(label).__name__}, it must be a tensor, a number or a string"
        ) from None


def fetcher(graphs: Sequence[Data] | OnDiskDataset) -> Callable[[Sequence[int]], list[Data]]:
    """What reads the graphs at some positions."""
    if isinstance(graphs, OnDiskDataset):
        places = graphs.indices()
        return lambda positions: graphs.multi_get([places[k] for k in positions])
    return lambda positions: [graphs[k] for k in positions]
