"""What must hold of graphs before a model is trained on them, refused in one line that names the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

__all__ = ["Columns", "Namer", "check_structure", "check_values", "graph_name", "own_id"]

Namer = Callable[[int], str]

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
FEATURES = (torch.float32, torch.float64, *INTEGERS)
ENDS = (torch.int64, torch.int32)
IDS = ("id", "graph_id", "name")
"""Attributes that may hold a graph's own id; the first that is there does."""


class Columns(NamedTuple):
    """Features and edges of many graphs, one graph after the other, and how many rows each graph has.

    ``nodes`` counts those of ``x``, ``edges`` those of ``edge_index``, ``edge_rows`` those of ``edge_attr``;
    ``told`` is what the graphs say in ``num_nodes``, where they do.
    """

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor | None
    nodes: Tensor
    edges: Tensor
    edge_rows: Tensor | None = None
    told: Tensor | None = None


def own_id(graph: Data) -> Any:
    """The id that a graph has of its own: a number or a string, or None."""
    value = next((graph[key] for key in IDS if key in graph), None)
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else None
    return value if isinstance(value, (str, int, float)) else None


def graph_name(graph: Data, position: int) -> str:
    """What an error calls a graph: its position and, where it has one, its id."""
    own = own_id(graph)
    return f"graph {position}" if own is None else f"graph {position} (id {own!r})"


def check_structure(graphs: Sequence[Data], first: Data, start: int = 0, labeled: bool = True) -> None:
    """Check that all graphs have the attributes, widths and dtypes that can be trained on.

    Args:
        graphs: those to check.
        first: the first graph of the whole set, which the others must be like.
        start: position of ``graphs[0]`` in the whole set.
        labeled: whether each must have a label ``y``.
    """
    like = _shape_of(first)
    for k, graph in enumerate(graphs):
        shape = _shape_of(graph)
        if shape != like or graph is first:
            _check_one(graph, first, start + k, labeled)


def _shape_of(graph: Data) -> tuple[Any, ...]:
    """All that :func:`_check_one` looks at and that must not differ between graphs."""
    found: list[Any] = [tuple(graph.keys())]
    for key in ("x", "edge_index", "edge_attr", "y"):
        value = graph.get(key)
        if isinstance(value, Tensor):
            found.append(
                (value.dtype, value.dim(), value.shape[1:] if key != "edge_index" else value.shape[0])
            )
            found.append(value.numel() if key == "y" else None)
        else:
            found.append(type(value))
    return tuple(found)


def _check_one(graph: Data, first: Data, position: int, labeled: bool) -> None:
    name = graph_name(graph, position)
    keys, wanted = set(graph.keys()), set(first.keys())
    for key, rule in (
        ("x", "node features [N, D], such as torch_geometric.transforms.Constant or OneHotDegree make"),
        ("edge_index", "edges [2, E]"),
        *([("y", "a label")] if labeled else []),
    ):
        if key not in keys:
            raise ValueError(f"{name} has no {key}; every graph needs {rule}")
    for key in sorted(keys ^ wanted):
        has, has_not = ("has", "has none") if key in keys else ("has no", "has one")
        raise ValueError(f"{name} {has} {key}, graph 0 {has_not}; all graphs must have the same attributes")
    for key, types, form in (
        ("x", FEATURES, "[N, D]"),
        ("edge_index", ENDS, "[2, E]"),
        ("edge_attr", FEATURES, "[E] or [E, D]"),
    ):
        if key not in keys:
            continue
        value = graph[key]
        if not isinstance(value, Tensor):
            raise ValueError(f"{name}: {key} is {type(value).__name__}, it must be a tensor {form}")
        if value.dtype not in types:
            known = "int64 or int32" if key == "edge_index" else "float32, float64 or of integers"
            raise ValueError(f"{name}: {key} is {_plain(value.dtype)}, it must be {known}")
        if value.dim() not in ((1, 2) if key == "edge_attr" else (2,)) or (
            key == "edge_index" and value.size(0) != 2
        ):
            raise ValueError(f"{name}: {key} has shape {list(value.shape)}, it must be {form}")
        if key != "edge_index" and value.shape[1:] != first[key].shape[1:]:
            raise ValueError(
                f"{name}: {key} has shape {list(value.shape)} and that of graph 0 {list(first[key].shape)}; "
                "the width must be the same in all graphs"
            )
    if (
        labeled
        and isinstance(graph.y, Tensor)
        and isinstance(first.y, Tensor)
        and graph.y.numel() != first.y.numel()
    ):
        raise ValueError(
            f"{name}: y has {graph.y.numel()} entries, that of graph 0 has {first.y.numel()}; "
            "every graph must have as many"
        )


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def check_values(columns: Columns, name: Namer) -> None:
    """Check sizes, the ends of edges, and that features are finite; vectorized over all graphs.

    Raises:
        ValueError: for the first graph that is wrong; it names the field and what would be right.
    """
    x, edge_index, edge_attr, nodes, edges, edge_rows, told = columns
    empty = nodes == 0
    if empty.any():
        raise ValueError(f"{name(_first(empty))}: x has no rows; a graph must have a node")
    for key, given, wanted in (("edge_attr has", edge_rows, edges), ("num_nodes says", told, nodes)):
        if given is not None and not torch.equal(given, wanted):
            graph = _first(given != wanted)
            unit = "edges" if wanted is edges else "rows of x"
            raise ValueError(f"{name(graph)}: {key} {given[graph]} for {int(wanted[graph])} {unit}")
    size = nodes.repeat_interleave(edges)
    wrong = ((edge_index < 0) | (edge_index >= size)).any(0)
    if wrong.any():
        edge = _first(wrong)
        graph = _owner(edges, edge)
        raise ValueError(
            f"{name(graph)}: edge_index holds the edge {edge_index[:, edge].tolist()}; its nodes are "
            f"0 .. {int(nodes[graph]) - 1}"
        )
    for key, value, rows in (("x", x, nodes), ("edge_attr", edge_attr, edges)):
        if value is not None and value.is_floating_point() and not value.isfinite().all():
            row = _first(~value.isfinite().reshape(value.size(0), -1).all(1))
            found = "NaN" if value[row].isnan().any() else "an infinite number"
            raise ValueError(f"{name(_owner(rows, row))}: {key} holds {found}; features must be finite")


def _first(wrong: Tensor) -> int:
    return int(wrong.nonzero()[0])


def _owner(counts: Tensor, row: int) -> int:
    """Which graph a row is of, from the rows of each."""
    return int(torch.searchsorted(counts.cumsum(0), row, right=True))
