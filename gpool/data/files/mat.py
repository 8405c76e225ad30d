"""MATLAB files of a graph and of the parts of its links, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["read_graph", "read_parts"]

PARTS = ("train_pos", "train_neg", "test_pos", "test_neg")


def read_graph(path: Path) -> tuple[Tensor, int]:
    """Edges [2, E] of the square sparse matrix ``net`` in a file, and its number of nodes.

    Raises:
        ValueError: for another file, with its path.
    """
    net = _variables(path, "net")["net"]
    if getattr(net, "ndim", 0) != 2 or net.shape[0] != net.shape[1] or not hasattr(net, "check_format"):
        raise ValueError(f"{path}: net must be a square sparse matrix, the graph's adjacency")
    try:
        net.check_format(full_check=True)  # SciPy's kernels trust these indices
        net = net.tocoo()
    except Exception as error:  # damage can raise anything
        raise ValueError(f"{path}: net is a damaged sparse matrix: {error}") from error
    if not np.isfinite(net.data).all():
        raise ValueError(f"{path}: net holds a number that is not finite")
    there = net.data != 0
    if there.any() and net.data[there].min() != net.data[there].max():
        low, high = net.data[there].min(), net.data[there].max()
        raise ValueError(
            f"{path}: net holds weights from {low:g} to {high:g}, which are not used; it must hold 0 and 1"
        )
    edges = np.stack([net.row[there], net.col[there]]).astype(np.int64)
    return torch.from_numpy(edges), int(net.shape[0])


def read_parts(path: Path) -> dict[str, Tensor]:
    """The pairs [., 2] of every part in a file, counted from 0; the file counts the nodes from 1.

    Raises:
        ValueError: for another file, and for numbers that are no integers; it names path, part and index.
    """
    held = _variables(path, *PARTS)
    return {name: torch.from_numpy(_integers(path, name, held[name])) - 1 for name in PARTS}


def _variables(path: Path, *names: str) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        held = loadmat(path, variable_names=list(names))
    except Exception as error:  # damage can raise anything
        raise ValueError(f"{path} cannot be read as a MATLAB file: {error}") from error
    missing = [name for name in names if name not in held]
    if missing:
        raise ValueError(f"{path} has no variable {', '.join(missing)}")
    return held


def _integers(path: Path, name: str, pairs: Any) -> np.ndarray:
    if (
        not isinstance(pairs, np.ndarray)
        or pairs.ndim != 2
        or pairs.shape[1] != 2
        or pairs.dtype.kind not in "iuf"
    ):
        raise ValueError(f"{path}: {name} must be a matrix of two columns of node numbers")
    wrong = ~(np.isfinite(pairs) & (pairs == np.round(pairs)) & (np.abs(pairs.astype(float)) < 2**53)).all(1)
    if wrong.any():
        k = int(wrong.argmax())
        raise ValueError(f"{path}: {name}[{k}] = {pairs[k].tolist()} must be two integers")
    return pairs.astype(np.int64)
