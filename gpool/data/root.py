"""Where data sets lie, and what to say when one does not."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["MissingData", "data_root"]


class MissingData(RuntimeError):
    """A data set is not under the data root and cannot be fetched; says what to place where."""


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder of all data sets: ``root``, else the environment variable ``GPOOL_DATA``, else ``data``."""
    return Path(root or os.environ.get("GPOOL_DATA") or "data").expanduser()
