"""The folder of all data sets, and the error for a missing one."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["MissingData", "checked_name", "data_root"]


class MissingData(RuntimeError):
    """A data set is not under the data root and cannot be fetched; says what to place where."""


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder of all data sets: ``root``, else the environment variable ``GPOOL_DATA``, else ``data``."""
    return Path(root or os.environ.get("GPOOL_DATA") or "data").expanduser()


def checked_name(name: str) -> str:
    """The name of a data set, which names a folder below the root and no other.

    Raises:
        ValueError: it has other characters than letters, digits, ``_``, ``-``, ``+`` and ``.``, or begins
            with a dot.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*", name):
        raise ValueError(
            f"name={name!r} must be letters, digits, '_', '-', '+' and '.', with no dot first: it names a "
            "data set and its folder"
        )
    return name
