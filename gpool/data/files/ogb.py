"""The raw files of an OGB molecule set -> arrays, and arrays -> graphs; its split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Data

from gpool.data.files.array_cache import Arrays
from gpool.data.files.splits import Listed, check_listed
from gpool.data.files.tables import first, integers, numbers, row_of
from gpool.data.folds import Split
from gpool.models.molecule import ATOM, ATOM_NAMES, BOND, BOND_NAMES

__all__ = ["VERSION", "graphs_of", "ogb_files", "parse", "read_scaffold", "split_files"]

PARTS = ("edge", "node-feat", "edge-feat", "graph-label", "num-node-list", "num-edge-list")
VERSION = 1
"""Of what :func:`parse` returns; a cache of another version is made again."""


def ogb_files(folder: Path) -> dict[str, Path]:
    """The files that a set consists of, by their part."""
    return {part: folder / "raw" / f"{part}.csv.gz" for part in PARTS}


def split_files(folder: Path) -> dict[str, Path]:
    """The files of the split, by their part."""
    return {part: folder / "split" / "scaffold" / f"{part}.csv.gz" for part in ("train", "valid", "test")}


def parse(files: Mapping[str, Path], classes: bool) -> Arrays:
    """The arrays of a set, those of OGB's own reader: every bond in both directions, one after the other.

    Returns:
        ``nodes`` and ``edges``: how many each graph has, [G]; ``x`` [N, 9], ``edge_index`` [2, E], counted
        from 0 in each graph; ``edge_attr`` [E, 3]; ``y`` [G, tasks], NaN where a label is missing.

    Raises:
        ValueError: for files that do not fit together, a category that is none of its feature's, or (with
            ``classes``) a label that is not 0 or 1; it names file and line.
    """
    nodes, bonds = (_counts(files[f"num-{part}-list"]) for part in ("node", "edge"))
    y = numbers(files["graph-label"], missing=classes)
    x = _categories(files["node-feat"], ATOM, ATOM_NAMES)
    edge_attr = _categories(files["edge-feat"], BOND, BOND_NAMES)
    pairs = integers(files["edge"], 2)
    graphs, listed = files["num-node-list"], files["num-edge-list"]
    _as_many(listed, len(bonds), len(nodes), f"one for each line of {graphs.name}")
    _as_many(files["graph-label"], len(y), len(nodes), f"one for each line of {graphs.name}")
    _as_many(files["node-feat"], len(x), int(nodes.sum()), f"the sum of {graphs.name}")
    _as_many(files["edge"], len(pairs), int(bonds.sum()), f"the sum of {listed.name}")
    _as_many(files["edge-feat"], len(edge_attr), len(pairs), f"one for each line of {files['edge'].name}")
    size = nodes.repeat(bonds)[:, None]
    wrong = ((pairs < 0) | (pairs >= size)).any(1)
    if wrong.any():
        row = first(wrong)
        raise ValueError(
            f"{row_of(files['edge'], row)}: {pairs[row, 0]}, {pairs[row, 1]} must be two of the graph's "
            f"atoms 0 .. {size[row, 0] - 1}"
        )
    if classes:
        wrong = ~(np.isnan(y) | (y == 0) | (y == 1)).all(1)
        if wrong.any():
            row = first(wrong)
            raise ValueError(f"{row_of(files['graph-label'], row)}: every label must be 0, 1 or nothing")
    return {
        "nodes": nodes,
        "edges": 2 * bonds,
        "x": x,
        "edge_index": np.stack([pairs, pairs[:, ::-1]], axis=1).reshape(-1, 2).T.astype(np.int32),
        "edge_attr": edge_attr.repeat(2, axis=0),
        "y": y,
    }


def graphs_of(arrays: Mapping[str, np.ndarray], classes: bool) -> list[Data]:
    """Graphs with ``x``, ``edge_index``, ``edge_attr``, ``num_nodes`` and ``y`` [1, tasks], which is of
    integers where no class is missing.
    """
    given = {name: torch.from_numpy(array) for name, array in arrays.items()}
    nodes, edges = given["nodes"].tolist(), given["edges"].tolist()
    y = given["y"]
    whole = classes and not bool(y.isnan().any())
    columns: dict[str, Sequence] = {
        "edge_index": given["edge_index"].long().split(edges, dim=1),
        "edge_attr": given["edge_attr"].long().split(edges),
        "y": (y.long() if whole else y).split(1),
        "num_nodes": nodes,
        "x": given["x"].long().split(nodes),
    }
    return [Data(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def read_scaffold(folder: Path, count: int) -> Split:
    """The scaffold split of a set of ``count`` graphs.

    Raises:
        ValueError: for parts that overlap, and positions out of range; it names file and line.
    """
    whole = folder / "split" / "scaffold" / "split_dict.pt"
    if whole.is_file():  # some releases have it; OGB prefers it too
        try:
            held = torch.load(whole, weights_only=True)
            parts = [Listed(whole, np.asarray(held[k]), k) for k in ("train", "valid", "test")]
        except Exception as error:  # a damaged file can raise anything
            raise ValueError(f"{whole} is no split of three arrays: {error}") from error
    else:
        parts = [Listed(path, integers(path, 1)[:, 0]) for path in split_files(folder).values()]
    check_listed(parts, count)
    return Split(*(part.positions for part in parts))


def _counts(path: Path) -> np.ndarray:
    counts = integers(path, 1)[:, 0]
    wrong = counts < 0
    if wrong.any():
        row = first(wrong)
        raise ValueError(f"{row_of(path, row)}: {counts[row]} must be at least 0")
    return counts


def _categories(path: Path, sizes: Sequence[int], names: Sequence[str]) -> np.ndarray:
    table = integers(path, len(sizes))
    wrong = (table < 0) | (table >= np.array(sizes))
    if wrong.any():
        row = first(wrong.any(1))
        column = first(wrong[row])
        raise ValueError(
            f"{row_of(path, row)}: {table[row, column]} of feature {names[column]!r} must be one of "
            f"0 .. {sizes[column] - 1}"
        )
    return table.astype(np.uint8)


def _as_many(path: Path, found: int, wanted: int, what: str) -> None:
    if found != wanted:
        raise ValueError(f"{path} has {found} lines; it must have {wanted}, {what}")
