"""The text files of the geom-gcn collection (WebKB and Wikipedia graphs) -> node features and edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gpool.data.files.array_cache import Arrays
from gpool.data.files.tables import first, row_of

__all__ = ["VERSION", "geom_gcn_files", "parse"]

VERSION = 1
"""Of what :func:`parse` returns; a cache of another version is made again."""


def geom_gcn_files(folder: Path) -> tuple[Path, Path]:
    """The files of the nodes and of the edges."""
    return folder / "out1_node_feature_label.txt", folder / "out1_graph_edges.txt"


def parse(nodes: Path, edges: Path) -> Arrays:
    """Features ``x`` [N, F] and ``edge_index`` [2, E], every edge once and as it is directed.

    Raises:
        ValueError: for a line that is not of the format; it names file and line.
    """
    rows: list[np.ndarray] = []
    for k, fields in enumerate(_lines(nodes, 3)):
        try:
            number, row = int(fields[0]), np.array(fields[1].split(","), dtype=np.float32)
        except ValueError:
            raise ValueError(f"{row_of(nodes, k + 1)} must be a node, its features and its label") from None
        if number != k:
            raise ValueError(f"{row_of(nodes, k + 1)}: node {number} must be {k}; the nodes must be in order")
        if rows and len(row) != len(rows[0]):
            raise ValueError(f"{row_of(nodes, k + 1)}: {len(row)} features must be {len(rows[0])}")
        rows.append(row)
    x = np.stack(rows)
    wrong = ~np.isfinite(x).all(1)
    if wrong.any():
        raise ValueError(f"{row_of(nodes, first(wrong) + 1)} holds a feature that is not finite")
    return {"x": x, "edge_index": _edges(edges, len(x))}


def _edges(path: Path, nodes: int) -> np.ndarray:
    lines = _lines(path, 2)
    try:
        pairs = np.array(lines, dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path} must hold two node numbers on every line: {error}") from None
    wrong = ((pairs < 0) | (pairs >= nodes)).any(1)
    if wrong.any():
        row = first(wrong)
        raise ValueError(
            f"{row_of(path, row + 1)}: edge {pairs[row, 0]}, {pairs[row, 1]} names a node outside "
            f"0 .. {nodes - 1}"
        )
    return np.unique(pairs, axis=0).T


def _lines(path: Path, fields: int) -> list[list[str]]:
    """The fields of every line after the first, which names them."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").rstrip().split("\n")[1:]]
    if not lines:
        raise ValueError(f"{path} has no line after the first")
    for k, line in enumerate(lines):
        if len(line) != fields:
            raise ValueError(f"{row_of(path, k + 1)} must have {fields} fields with tabs between them")
    return lines
