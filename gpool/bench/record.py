"""Readers of the files of a benchmark, which find damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["Damaged", "read_json", "read_record"]

FIELDS: dict[str, tuple[type, ...]] = {
    "data": (str,),
    "variant": (str,),
    "readout": (str,),
    "fold": (int, type(None)),
    "seed": (int,),
    "select": (dict, type(None)),
    "config": (dict,),
    "versions": (dict,),
    "metrics": (dict,),
    "epoch": (int,),
    "epochs": (int,),
    "seconds": (int, float),
}

LATER: dict[str, tuple[type, ...]] = {  # fields that older records lack
    "described": (dict,),
    "axes": (dict,),
    "protocol": (str, type(None)),
    "curve": (dict,),
    "checksums": (dict,),
}


class Damaged(ValueError):
    """A file that does not hold what was written into it; the text says why."""


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        Damaged: the file cannot be read, or holds something else.
    """
    try:
        written = path.read_bytes()
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from None
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        raise Damaged("it is not JSON, or cut short" if written.strip() else "it is empty") from None
    if not isinstance(found, dict):
        raise Damaged("it is not a JSON object")
    return found


def read_record(path: Path) -> dict[str, Any]:
    """The result of a finished run.

    Raises:
        Damaged: the file cannot be read, or is not such a result.
    """
    found = read_json(path)
    for name, kinds in FIELDS.items():
        if name not in found:
            raise Damaged(f"it has no {name!r}")
        if not isinstance(found[name], kinds) or isinstance(found[name], bool):
            raise Damaged(f"its {name!r} is {found[name]!r:.40}")
    for name, value in found["metrics"].items():
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise Damaged(f"its metric {name!r} is {value!r:.40}")
    for name, kinds in LATER.items():
        if name in found and not isinstance(found[name], kinds):
            raise Damaged(f"its {name!r} is {found[name]!r:.40}")
    return found
