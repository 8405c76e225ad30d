"""The text files of a TU set -> arrays, and arrays -> graphs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, remove_self_loops

from gpool.data.files.array_cache import Arrays
from gpool.data.files.graph_arrays import edges_fit
from gpool.data.files.tables import first, integers, numbers, row_of

__all__ = ["REQUIRED", "VERSION", "fits", "graphs_of", "parse", "tu_files"]

REQUIRED = ("A", "graph_indicator", "graph_labels")
VERSION = 1
"""Of what :func:`parse` returns; a cache of another version is made again."""
COLUMNS, BYTES = 1000, 2**31
"""A one-hot of more columns must not be mostly unused, nor take more memory."""


def tu_files(folder: Path, name: str, attributes: bool) -> dict[str, Path]:
    """The files of the set that are read, by their part: the required ones, and the others that exist."""
    optional = ["node_labels", "edge_labels", *(["node_attributes"] if attributes else [])]
    files = {part: folder / f"{name}_{part}.txt" for part in (*REQUIRED, *optional)}
    return {part: path for part, path in files.items() if part in REQUIRED or path.is_file()}


def parse(files: Mapping[str, Path]) -> Arrays:
    """The arrays of a TU set: those of PyG's ``TUDataset``, node labels as numbers.

    Node and edge labels count from the lowest of their column, graph labels are numbered by rank. Edges are
    sorted by source and target within a graph; loops are left out, and the labels of an edge that is listed
    more than once are added up. The checks are a twentieth of the parsing: 9 of 200 ms for DD's 1.7 million
    edges; a cached set is not checked again.

    Returns:
        ``nodes`` and ``edges``: how many each graph has, [G]; ``y`` [G]; ``edge_index`` [2, E], counted from
        0 in each graph; where there are files for them, ``attributes`` [N, D], ``labels`` [N, L] and
        ``edge_attr`` [E, K].

    Raises:
        ValueError: for files that do not fit together; it names file and line.
    """
    graph = _owners(files["graph_indicator"])
    nodes = np.bincount(graph)
    y = integers(files["graph_labels"], 1)[:, 0]
    _as_many(files["graph_labels"], len(y), len(nodes), f"graphs in {files['graph_indicator'].name}")
    pairs = _edges(files["A"], graph)
    arrays = {"nodes": nodes, "y": np.unique(y, return_inverse=True)[1]}
    if "node_attributes" in files:
        arrays["attributes"] = numbers(files["node_attributes"])
    if "node_labels" in files:
        arrays["labels"] = _labels(files["node_labels"])
    for part, key in (("node_attributes", "attributes"), ("node_labels", "labels")):
        if key in arrays:
            _as_many(files[part], len(arrays[key]), len(graph), f"nodes in {files['graph_indicator'].name}")
    edge_attr = None
    if "edge_labels" in files:
        labels = _labels(files["edge_labels"])
        _as_many(files["edge_labels"], len(labels), len(pairs), f"edges in {files['A'].name}")
        edge_attr = _one_hot(torch.from_numpy(labels))
    return arrays | _sorted_edges(torch.from_numpy(pairs).t(), edge_attr, torch.from_numpy(graph))


def fits(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether arrays that come from a file can be made into graphs, in memory that is not absurd."""
    labels = arrays.get("labels", np.zeros((1, 0), dtype=np.int32))
    return not any(column.min() < 0 or _absurd(*_width(column)) for column in labels.T) and edges_fit(arrays)


def graphs_of(arrays: Mapping[str, np.ndarray]) -> list[Data]:
    """Graphs with ``x`` (attributes, then labels one-hot; or ``num_nodes``), ``edge_index``, ``edge_attr``
    where there are labels, and ``y``.
    """
    given = {name: torch.from_numpy(array) for name, array in arrays.items()}
    nodes, edges = given["nodes"].tolist(), given["edges"].tolist()
    columns: dict[str, list] = {
        "edge_index": list(given["edge_index"].long().split(edges, dim=1)),
        "y": list(given["y"].split(1)),
    }
    if "edge_attr" in given:
        columns["edge_attr"] = list(given["edge_attr"].split(edges))
    parts = [given["attributes"]] if "attributes" in given else []
    parts += [_one_hot(given["labels"])] if "labels" in given else []
    if parts:
        columns["x"] = list((parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)).split(nodes))
    else:
        columns["num_nodes"] = nodes
    return [Data(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def _owners(path: Path) -> np.ndarray:
    """Which graph each node is of, counted from 0: [N]."""
    owner = integers(path, 1)[:, 0]
    step = np.diff(owner, prepend=0)
    wrong = (step != 0) & (step != 1)
    wrong[0] = owner[0] != 1
    if wrong.any():
        row = first(wrong)
        before = f"follows {owner[row - 1]}" if row > 0 else "comes first"
        raise ValueError(
            f"{row_of(path, row)}: graph {owner[row]} {before}; the nodes must be sorted by graph, "
            "and the graphs numbered 1, 2, 3 and so on"
        )
    return owner - 1


def _edges(path: Path, graph: np.ndarray) -> np.ndarray:
    """Ends of the edges, counted from 0: [E, 2]."""
    pairs = integers(path, 2) - 1
    wrong = (pairs < 0) | (pairs >= len(graph))
    if wrong.any():
        row = first(wrong.any(1))
        raise ValueError(
            f"{row_of(path, row)}: edge {_pair(pairs[row])} names a node outside 1 .. {len(graph)}"
        )
    ends = graph[pairs]
    wrong = ends[:, 0] != ends[:, 1]
    if wrong.any():
        row = first(wrong)
        raise ValueError(
            f"{row_of(path, row)}: edge {_pair(pairs[row])} joins graph {ends[row, 0] + 1} to graph "
            f"{ends[row, 1] + 1}; an edge must stay in one graph"
        )
    return pairs


def _pair(pair: np.ndarray) -> str:
    return f"{pair[0] + 1}, {pair[1] + 1}"


def _width(column: np.ndarray) -> tuple[int, int, int]:
    """Of labels [M], counted from 0: the columns of their one-hot, how many are used (if many), and M."""
    width = int(column.max()) + 1
    return width, len(np.unique(column)) if width > COLUMNS else width, column.size


def _absurd(width: int, used: int, rows: int) -> bool:
    return width > 10 * used or (width > COLUMNS and 4 * width * rows > BYTES)


def _labels(path: Path) -> np.ndarray:
    """Labels counted from the lowest of each column: [M, L]. One-hot, they must not be absurdly wide."""
    labels = integers(path)
    counted = labels - labels.min(0)
    for k, column in enumerate(counted.T):
        width, used, rows = _width(column)
        if _absurd(width, used, rows):
            row = first(column == width - 1)
            raise ValueError(
                f"{row_of(path, row)}: label {labels[row, k]} makes a one-hot of {width} columns and "
                f"{4 * width * rows / 1e9:.1f} GB, of which {used} columns are used; "
                "labels must be small integers without large gaps"
            )
    return counted.astype(np.int32)


def _as_many(path: Path, found: int, wanted: int, what: str) -> None:
    if found != wanted:
        raise ValueError(f"{path} has {found} lines; it must have {wanted}, one for each of the {what}")


def _one_hot(labels: Tensor) -> Tensor:
    """Columns of labels [M, L], each one-hot up to its largest: float32 [M, sum of widths]."""
    widths = labels.amax(0) + 1
    out = torch.zeros(labels.size(0), int(widths.sum()))
    return out.scatter_(1, labels.long() + (widths.cumsum(0) - widths), 1.0)


def _sorted_edges(edge_index: Tensor, edge_attr: Tensor | None, graph: Tensor) -> Arrays:
    edge_index, edge_attr = remove_self_loops(edge_index, edge_attr)
    edge_index, edge_attr = coalesce(edge_index, edge_attr, graph.numel())
    owner = graph[edge_index[0]]
    count = torch.bincount(graph)
    local = edge_index - (count.cumsum(0) - count)[owner]
    arrays = {
        "edges": torch.bincount(owner, minlength=count.numel()).numpy(),
        "edge_index": local.to(torch.int32).numpy(),
    }
    return arrays if edge_attr is None else arrays | {"edge_attr": edge_attr.numpy()}
