"""From one graph as it was given to the graph that is trained on: checked, converted, labels numbered."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

from gpool.data.checked_graphs import bare_graph, columns_of, convert, convert_note
from gpool.data.graph_checks import check_structure, check_values
from gpool.data.graph_store import CollatedGraphs
from gpool.data.labels import Labels, Task, read_labels

__all__ = ["MASKS", "CheckedNodes", "checked_nodes", "node_ids"]

MASKS = ("train_mask", "val_mask", "test_mask")
IDS = ("id", "node_id", "name")
"""Attributes that may hold the nodes' own ids, the first that has one per node."""


class CheckedNodes(NamedTuple):
    """A graph that passed all checks, what its nodes' labels say (None without labels) and their ids."""

    graph: Data
    labels: Labels | None
    ids: list[Any]


def checked_nodes(
    graph: Data, task: Task | None, categorical: bool = False, labeled: bool = True
) -> CheckedNodes:
    """Check a graph once, convert it, and number its nodes' labels.

    The classes are those of the nodes in a mask; another label becomes -1, which is never trained on.

    Raises:
        ValueError: for what cannot be trained on; it names field and node and says what would be right.
    """
    check_structure([graph], graph, labeled=labeled)
    if labeled and len(graph.y) != graph.x.size(0):
        raise ValueError(f"y has {len(graph.y)} rows, x has {graph.x.size(0)}; every node needs a label")
    check_values(columns_of(CollatedGraphs([bare_graph(graph)])), lambda _: "the graph")
    nodes = graph.x.size(0)
    given, graph = graph, copy.copy(graph)
    for key in ("x", "edge_index", "edge_attr"):
        if isinstance(given.get(key), Tensor):
            convert_note(key, given[key], categorical)
            graph[key] = convert(key, given[key], categorical)
    ids = node_ids(given, nodes)
    if not labeled:
        graph.y = None
        return CheckedNodes(graph, None, ids)
    used = _used(graph, nodes).nonzero().view(-1)
    y = graph.y
    chosen = y[used] if isinstance(y, Tensor) else [y[k] for k in used.tolist()]
    labels = read_labels(chosen, used.numel(), task, lambda k: f"node {ids[int(used[k])]!r}")
    graph.y = _of_all(y, labels).index_copy(0, used, labels.y)
    return CheckedNodes(graph, labels._replace(y=graph.y), ids)


def _used(graph: Data, nodes: int) -> Tensor:
    """Which nodes are in a mask, [N]."""
    used = torch.zeros(nodes, dtype=torch.bool)
    for key in MASKS:
        mask = graph.get(key)
        if not isinstance(mask, Tensor) or mask.dtype is not torch.bool or mask.shape != (nodes,):
            found = "missing" if mask is None else f"{type(mask).__name__} {list(getattr(mask, 'shape', []))}"
            raise ValueError(f"{key} is {found}; it must be a boolean mask of the {nodes} nodes")
        if not mask.any():
            raise ValueError(f"{key} holds no node; every part must have one")
        used |= mask
    return used


def _of_all(y: Any, labels: Labels) -> Tensor:
    """Labels of all nodes in the form of ``labels``; -1 for what is none of the classes."""
    like = labels.y
    if labels.classes is None:
        return y.reshape(len(y), -1).to(like.dtype)
    number = {label: k for k, label in enumerate(labels.classes)}
    given = y.flatten().tolist() if isinstance(y, Tensor) else y
    return torch.tensor([number.get(label, -1) for label in given]).view(-1, *like.shape[1:]).to(like.dtype)


def node_ids(graph: Data, nodes: int) -> list[Any]:
    """One id per node: those in an attribute of :data:`IDS` that has N, else positions."""
    for key in IDS:
        found = graph.get(key)
        if isinstance(found, Tensor) and found.numel() == nodes:
            return list(found.view(-1).tolist())
        if isinstance(found, (list, tuple)) and len(found) == nodes:
            return list(found)
    return list(range(nodes))
