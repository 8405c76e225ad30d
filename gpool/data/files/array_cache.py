"""Arrays of a parsed data set, kept in one file that is whole or absent."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from filelock import FileLock

__all__ = ["Arrays", "cached_arrays", "checksum"]

Arrays = dict[str, np.ndarray]
KEY = "checksum of the sources"


def checksum(paths: Iterable[Path], version: int) -> str:
    """A hash of the names and contents of files, and of the version of what reads them."""
    state = xxhash.xxh3_128(f"{version} ".encode())
    for path in paths:
        content = path.read_bytes()
        state.update(f"{path.name} {len(content)} ".encode())
        state.update(content)
    return state.hexdigest()


def cached_arrays(
    path: Path,
    key: str,
    make: Callable[[], Mapping[str, np.ndarray]],
    fits: Callable[[Arrays], bool] = lambda arrays: True,
) -> Arrays:
    """The arrays of ``make()``, kept at ``path`` for the next call with the same key.

    The file is an uncompressed .npz: it holds no pickle, and every array in it has a CRC-32. It is written
    under another name and renamed, so a process that is killed leaves the old file or none. A file that is
    damaged, made under another key, or whose arrays do not pass ``fits``, is made again. One process makes
    it while others wait. Where it cannot be written, a warning says so and the arrays are made
    again by the next call.
    """
    kept = _read(path, key, fits)
    if kept is not None:
        return kept
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f"{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        _say(path, error)
        return dict(make())
    try:
        kept = _read(path, key, fits)  # another process may have made it in the meantime
        if kept is None:
            kept = dict(make())
            _write(path, key, kept)
        return kept
    finally:
        lock.release()


def _read(path: Path, key: str, fits: Callable[[Arrays], bool]) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file[KEY]) != key:
                return None
            arrays = {name: file[name] for name in file.files if name != KEY}
            return arrays if fits(arrays) else None
    except Exception:  # damage can raise anything: the file is made again, whatever is wrong with it
        return None


def _write(path: Path, key: str, arrays: Mapping[str, np.ndarray]) -> None:
    part = path.with_name(f"{path.name}.part")  # the lock leaves no second writer
    try:
        part.unlink(missing_ok=True)
        with part.open("xb") as file:
            content: dict[str, Any] = {KEY: np.array(key), **arrays}
            np.savez(file, **content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        _say(path, error)


def _say(path: Path, error: OSError) -> None:
    warnings.warn(
        f"{path} cannot be written ({error.strerror or error}); the raw files will be parsed again next time",
        stacklevel=4,
    )
