"""Results of a benchmark on disk: one JSON file a cell, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["Store"]


class Store:
    """The folder of a benchmark.

    ``cells/KEY.json`` holds a finished cell and ``errors/KEY.json`` one that failed; the key carries a hash
    of the cell's configuration, so a changed plan never takes an old result for its own.

    Args:
        folder: where the benchmark writes; made where it is missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.cells = self.folder / "cells"
        self.errors = self.folder / "errors"

    def done(self, key: str) -> bool:
        """Whether the cell of this key has finished."""
        return (self.cells / f"{key}.json").is_file()

    def put(self, key: str, result: dict[str, Any]) -> None:
        """Write a result, whole or not at all; a cell that finishes takes its old error away."""
        failed = "error" in result
        _write(
            self.errors if failed else self.cells, f"{key}.json", json.dumps(result, indent=1, default=str)
        )
        if not failed:
            (self.errors / f"{key}.json").unlink(missing_ok=True)

    def results(self) -> list[dict[str, Any]]:
        """The finished cells of the last plan, in its order; all cells there are, where no plan was noted."""
        keys = self.planned()[0] or sorted(path.stem for path in self.cells.glob("*.json"))
        return [json.loads((self.cells / f"{key}.json").read_text()) for key in keys if self.done(key)]

    def note(self, keys: list[str], metric: str) -> None:
        """Remember which cells the last plan has, and which number it reports."""
        _write(self.folder, "plan.json", json.dumps({"metric": metric, "cells": keys}, indent=1))

    def planned(self) -> tuple[list[str] | None, str]:
        """What :meth:`note` remembered: the cells of the last plan, and its metric."""
        path = self.folder / "plan.json"
        if not path.is_file():
            return None, "test/acc"
        noted = json.loads(path.read_text())
        return noted["cells"], noted["metric"]


def _write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, folder / name)
