"""Text files of numbers, read strictly: what is wrong is named with its file and line."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["first", "integers", "numbers", "row_of"]


def integers(path: Path, columns: int | None = None) -> np.ndarray:
    """Integers with commas between them, one row per line: int64 [rows, columns].

    A file that ends in ``.gz`` is unpacked.

    Raises:
        ValueError: an empty file, a line without the right number of integers; it names file and line.
    """
    return _table(path, int, columns)


def numbers(path: Path, columns: int | None = None, missing: bool = False) -> np.ndarray:
    """Finite numbers with commas between them, one row per line: float32 [rows, columns].

    With ``missing``, nothing between two commas is a missing number: NaN.

    Raises:
        ValueError: as for :func:`integers`, and for infinity and (without ``missing``) NaN.
    """
    with np.errstate(over="ignore"):  # what is too large for float32 is named below
        table = _table(path, float, columns, missing).astype(np.float32)
    wrong = np.isinf(table) if missing else ~np.isfinite(table)
    if wrong.any():
        row = first(wrong.any(1))
        raise ValueError(f"{row_of(path, row)}: {table[row].tolist()} holds a number that is not finite")
    return table


def row_of(path: Path, row: int) -> str:
    """How a message names a row of a file, counted from 0: with the line, counted from 1."""
    return f"{path}, line {row + 1}"


def first(wrong: Any) -> int:
    """Position of the first true entry of [rows]."""
    return int(wrong.argmax())


def _text(path: Path) -> bytes:
    text = path.read_bytes()
    if path.suffix == ".gz":
        try:
            text = gzip.decompress(text)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is not a whole gzip file ({error})") from error
    text = text.rstrip()
    if not text:
        raise ValueError(f"{path} is empty")
    return text


def _table(
    path: Path, kind: Callable[[str], float], columns: int | None, missing: bool = False
) -> np.ndarray:
    import pandas as pd

    text = _text(path)
    try:
        table = pd.read_csv(
            BytesIO(text),
            header=None,
            index_col=False,
            dtype=np.int64 if kind is int else np.float64,
            skipinitialspace=True,
            skip_blank_lines=False,
            na_filter=missing,
            quoting=csv.QUOTE_NONE,
            low_memory=False,
        ).to_numpy(copy=True)
    except (ValueError, OverflowError) as error:
        raise ValueError(_what_is_wrong(path, text, kind, columns) or f"{path}: {error}") from None
    if columns is not None and table.shape[1] != columns:
        raise ValueError(_what_is_wrong(path, text, kind, columns))
    return table


def _what_is_wrong(path: Path, text: bytes, kind: Callable[[str], float], columns: int | None) -> str:
    for row, line in enumerate(text.decode(errors="replace").splitlines()):
        fields = line.split(",")
        columns = columns or len(fields)
        if len(fields) != columns or not all(_is_number(field, kind) for field in fields):
            one, many = ("an integer", "integers") if kind is int else ("a finite number", "finite numbers")
            shown = line if len(line) <= 60 else f"{line[:60]}..."
            return f"{row_of(path, row)}: {shown!r} must be {one if columns == 1 else f'{columns} {many}'}"
    return ""


def _is_number(field: str, kind: Callable[[str], float]) -> bool:
    try:
        value = kind(field)
    except ValueError:
        return False
    return "_" not in field and math.isfinite(value) and (kind is float or abs(value) < 2**63)
