"""The files of a Planetoid set -> one graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, index_to_mask, remove_self_loops

from gpool.data.files.array_pickle import read_pickle
from gpool.data.files.tables import first, integers, row_of

__all__ = ["fixed_masks", "planetoid_files", "read_planetoid"]

PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
MASKS = ("train_mask", "val_mask", "test_mask")
VALIDATION = 500


def planetoid_files(folder: Path, name: str) -> dict[str, Path]:
    """The files that a set consists of, by their part."""
    return {part: folder / f"ind.{name.lower()}.{part}" for part in PARTS}


def read_planetoid(folder: Path, name: str) -> Data:
    """The graph that PyG's ``Planetoid`` makes of these files, with the masks [N] of the public split.

    The files are pickles. They are read without running anything that they name, see
    :mod:`gpool.data.files.array_pickle`.

    Raises:
        ValueError: for files that hold anything else than the set, or do not fit together; it names the file.
    """
    files = planetoid_files(folder, name)
    x, tx, allx, y, ty, ally = (_matrix(files[part]) for part in PARTS[:6])
    at = _test_nodes(files["test.index"], known=len(allx), rows=len(tx), gaps=name == "CiteSeer")
    for a, b, same in (
        ("x", "allx", x.shape[1] == allx.shape[1]),
        ("tx", "allx", tx.shape[1] == allx.shape[1]),
    ):
        _fit(same, files[a], f"as many columns as {files[b].name}")
    for a, b, same in (("y", "x", len(y) == len(x)), ("ty", "tx", len(ty) == len(tx))):
        _fit(same, files[a], f"as many rows as {files[b].name}")
    _fit(
        len(ally) == len(allx) >= len(x) + VALIDATION, files["ally"], f"as many rows as {files['allx'].name}"
    )
    _fit(ally.shape[1] == ty.shape[1], files["ty"], f"as many columns as {files['ally'].name}")
    nodes = int(at.max()) + 1
    features, label = (_placed(known, test, at, nodes) for known, test in ((allx, tx), (ally, ty)))
    graph = Data(x=features, edge_index=_edges(files["graph"], nodes), y=label.max(dim=1)[1])
    graph.train_mask = index_to_mask(torch.arange(len(y)), size=nodes)
    graph.val_mask = index_to_mask(torch.arange(len(y), len(y) + VALIDATION), size=nodes)
    graph.test_mask = index_to_mask(at, size=nodes)
    return graph


def fixed_masks(path: Path, nodes: int) -> dict[str, Tensor]:
    """The three masks [N] of a split of geom-gcn.

    Raises:
        ValueError: a mask that is not one of N nodes, or a node in two parts; it names the file.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            masks = {name: torch.from_numpy(held[name]).bool() for name in MASKS}
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged archive can raise anything
        raise ValueError(f"{path} is no split of three masks: {error}") from error
    for name, mask in masks.items():
        if mask.shape != (nodes,):
            raise ValueError(
                f"{path}: {name} of shape {tuple(mask.shape)} must be [{nodes}], one for each node"
            )
    twice = torch.stack(list(masks.values())).sum(0) > 1
    if bool(twice.any()):
        raise ValueError(f"{path}: node {int(twice.nonzero()[0])} stands in two parts of the split")
    return masks


def _matrix(path: Path) -> np.ndarray:
    found = read_pickle(path)
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.size == 0:
        raise ValueError(f"{path} must hold a matrix of numbers")
    found = found.astype(np.float32)
    wrong = ~np.isfinite(found).all(1)
    if wrong.any():
        raise ValueError(f"{path}: row {int(wrong.argmax())} holds a number that is not finite")
    return found


def _test_nodes(path: Path, known: int, rows: int, gaps: bool) -> Tensor:
    """Which nodes the test rows are of: those after the ``known`` others, each once."""
    at = integers(path, 1)[:, 0]
    _fit(len(at) == rows, path, f"{rows} lines, one for each test row")
    last = known + rows * (10 if gaps else 1) - 1
    wrong = (at < known) | (at > last)
    if wrong.any():
        row = first(wrong)
        raise ValueError(f"{row_of(path, row)}: node {at[row]} must be one of {known} .. {last}")
    _fit(len(np.unique(at)) == rows and at.min() == known, path, f"every node once, from {known} on")
    return torch.from_numpy(at)


def _placed(known: np.ndarray, test: np.ndarray, at: Tensor, nodes: int) -> Tensor:
    """All rows by node; a node between the test nodes that has none gets zeros."""
    out = torch.zeros(nodes, known.shape[1])
    out[: len(known)] = torch.from_numpy(known)
    out[at] = torch.from_numpy(test)
    return out


def _edges(path: Path, nodes: int) -> Tensor:
    graph = read_pickle(path)
    try:
        ends = [(node, other) for node, others in graph.items() for other in others]
        edge_index = torch.from_numpy(np.array(ends, dtype=np.int64).reshape(-1, 2)).t()
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path} must hold a dict of lists of node numbers: {error}") from None
    wrong = (edge_index < 0) | (edge_index >= nodes)
    if bool(wrong.any()):
        node = int(edge_index[wrong][0])
        raise ValueError(f"{path} names node {node}, which is not one of 0 .. {nodes - 1}")
    edge_index, _ = remove_self_loops(edge_index)
    return coalesce(edge_index, num_nodes=nodes, sort_by_row=False)


def _fit(fits: bool, path: Path, what: str) -> None:
    if not fits:
        raise ValueError(f"{path} does not fit the other files: it must have {what}")
