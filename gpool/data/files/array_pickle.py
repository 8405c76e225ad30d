"""Pickles of arrays, read without running anything that they name.

The files of the Planetoid collection are pickles. Here every class in them is one of this module's own, which
only holds what the file says; arrays are made of it afterwards, with every size and index checked. So a
hostile file can raise an error, and nothing else.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["read_pickle"]

LARGEST = 2**31
"""Most elements of an array; a hostile file of a few bytes could ask for any number."""


class _Said:
    """What a file says of an object: what it was made with, and its state."""

    state: Any = None

    def __init__(self, *made_with: Any) -> None:
        self.made_with = made_with

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """The array that the file describes."""
        raise ValueError("it holds no array")


class _Kind(_Said):
    def dtype(self) -> np.dtype:
        name, order = self.made_with[0], self.state[1]
        if re.fullmatch(r"[biuf][1248]", name) is None or order not in ("<", ">", "|", "="):
            raise ValueError(f"the element type {order}{name} is not a plain number")
        return np.dtype(f"{order}{name}")


class _Array(_Said):
    def array(self) -> np.ndarray:
        _, shape, kind, is_fortran, content = self.state
        return _shaped(content, kind, shape, "F" if is_fortran else "C")


class _Buffer(_Said):
    def array(self) -> np.ndarray:
        content, kind, shape, order = self.made_with
        return _shaped(content, kind, shape, order)


class _Sparse(_Said):
    def array(self) -> np.ndarray:
        """The whole matrix, in place of its rows of column numbers and values."""
        said = self.state
        rows, columns = said["_shape"]
        start, column, value = (said[name].array() for name in ("indptr", "indices", "data"))
        counts = np.diff(start)
        fits = len(counts) == rows and start[0] == 0 and (counts >= 0).all() and start[-1] == len(column)
        if not fits or len(column) != len(value) or rows * columns > LARGEST:
            raise ValueError(f"its rows do not make a matrix of {rows} x {columns}")
        if len(column) > 0 and not 0 <= column.min() <= column.max() < columns:
            raise ValueError(f"it names a column outside 0 .. {columns - 1}")
        from scipy.sparse import csr_matrix  # safe now that every index is one of the matrix

        return np.asarray(csr_matrix((value, column, start), shape=(rows, columns)).toarray())


def _shaped(content: Any, kind: _Kind, shape: Any, order: str) -> np.ndarray:
    content = content.encode("latin1") if isinstance(content, str) else content
    if not isinstance(content, bytes | bytearray):
        raise ValueError(f"the content of an array is {type(content).__name__}, which must be bytes")
    return np.frombuffer(bytes(content), kind.dtype()).reshape(
        tuple(shape), order="F" if order == "F" else "C"
    )


def _lists(*_: Any) -> dict:
    """In place of a defaultdict of lists."""
    return {}


def _latin1(text: str, *_: Any) -> bytes:
    return text.encode("latin1")


ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Said,
    ("numpy", "dtype"): _Kind,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Buffer for core in ("core", "_core")},
    **{(f"scipy.sparse.{file}", "csr_matrix"): _Sparse for file in ("csr", "_csr")},
    ("collections", "defaultdict"): _lists,
    ("__builtin__", "list"): list,
    ("builtins", "list"): list,
    ("_codecs", "encode"): _latin1,
}
"""All that a file may name, and what stands for it."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise ValueError(f"it names {module}.{name}; only arrays, sparse matrices and lists are read")
        return ALLOWED[module, name]


def read_pickle(path: Path) -> Any:
    """The array, or the dict of lists, in a file; a sparse matrix as a whole array.

    Raises:
        ValueError: for anything else; it names the file.
    """
    try:
        with path.open("rb") as file:
            found = _Reader(file, encoding="latin1").load()
        return found.array() if isinstance(found, _Said) else found
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise ValueError(f"{path} is no pickled array of the Planetoid collection: {error}") from error
