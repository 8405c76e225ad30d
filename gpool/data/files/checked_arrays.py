"""Flat arrays on disk, written chunk by chunk with a checksum of each, and read through memory maps."""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

__all__ = ["CheckedArrays", "DamagedArrays", "write_arrays"]

SUMS = "checksums.json"


class DamagedArrays(ValueError):
    """A file of a folder of arrays is missing, too short or too long, or does not hold what was written."""


def write_arrays(
    folder: Path,
    dtypes: Mapping[str, DTypeLike],
    chunks: Iterable[Mapping[str, Tensor]],
    replace: bool = False,
) -> None:
    """Write the chunks of every array one after another; the folder appears whole or not at all.

    Where another process has made the folder meanwhile, its folder stays, unless ``replace`` puts this one in
    its place.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    try:
        _fill(made, dtypes, chunks)
        if replace:
            _remove(folder)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Take the folder away at one stroke, for those who look for it."""
    away = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    try:
        folder.rename(away / "old")
    except FileNotFoundError:  # another process was first
        pass
    finally:
        shutil.rmtree(away, ignore_errors=True)


def _fill(folder: Path, dtypes: Mapping[str, DTypeLike], chunks: Iterable[Mapping[str, Tensor]]) -> None:
    sums: dict[str, list[tuple[int, int]]] = {name: [] for name in dtypes}
    files = {name: (folder / f"{name}.bin").open("wb") for name in dtypes}
    try:
        for chunk in chunks:
            for name, value in chunk.items():
                held = value.numpy().astype(dtypes[name]).tobytes()
                files[name].write(held)
                sums[name].append((len(held), zlib.crc32(held)))
    finally:
        for file in files.values():
            file.close()
    (folder / SUMS).write_text(json.dumps(sums))


class CheckedArrays:
    """The arrays of a folder that :func:`write_arrays` made.

    Their sizes are checked at once, their contents chunk by chunk, by whoever asks for them with
    :meth:`check`.

    Args:
        folder: where they are.
        dtypes: name and type of each.

    Raises:
        DamagedArrays: a file is missing or of the wrong size.
    """

    def __init__(self, folder: Path, dtypes: Mapping[str, DTypeLike]) -> None:
        self.folder = folder
        sums = self._sums(dtypes)
        self._sizes = {name: [size for size, _ in each] for name, each in sums.items()}
        self._crc = {name: [crc for _, crc in each] for name, each in sums.items()}
        self._starts = {name: np.cumsum([0, *sizes]).tolist() for name, sizes in self._sizes.items()}
        self._memory = {name: self._map(name) for name in dtypes}
        self._seen = [False] * len(self._crc[next(iter(dtypes))])
        self.arrays = {name: torch.from_numpy(m.view(dtypes[name])) for name, m in self._memory.items()}

    def _sums(self, dtypes: Mapping[str, DTypeLike]) -> dict[str, list[tuple[int, int]]]:
        path = self.folder / SUMS
        try:
            held = json.loads(path.read_text())
            sums = {name: [(int(size), int(crc)) for size, crc in held[name]] for name in dtypes}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DamagedArrays(f"{path} is missing or not a list of checksums") from error
        if len({len(each) for each in sums.values()}) != 1:
            raise DamagedArrays(f"{path} lists more chunks of one array than of another")
        if any(size % np.dtype(dtypes[name]).itemsize for name, each in sums.items() for size, _ in each):
            raise DamagedArrays(f"{path} lists a chunk that ends within a number")
        return sums

    def _map(self, name: str) -> np.ndarray:
        path = self.folder / f"{name}.bin"
        size = path.stat().st_size if path.is_file() else -1
        if size != self._starts[name][-1]:
            has = f"has {size} bytes" if size >= 0 else "is missing"
            raise DamagedArrays(f"{path} {has}; {self._starts[name][-1]} were written")
        return np.memmap(path, np.uint8, mode="c") if size > 0 else np.empty(0, np.uint8)

    def chunk_lengths(self, name: str) -> list[int]:
        """Entries of every chunk of an array."""
        return [size // self.arrays[name].element_size() for size in self._sizes[name]]

    def check(self, chunk: int) -> None:
        """Compare a chunk of all arrays with its checksums, the first time that it is asked for.

        Raises:
            DamagedArrays: they differ.
        """
        if not self._seen[chunk]:
            for name in self.arrays:
                self._check(name, chunk)
            self._seen[chunk] = True

    def check_whole(self, name: str) -> None:
        """Compare all chunks of one array with their checksums."""
        for chunk in range(len(self._seen)):
            self._check(name, chunk)

    def _check(self, name: str, chunk: int) -> None:
        start, end = self._starts[name][chunk : chunk + 2]
        if zlib.crc32(self._memory[name][start:end]) != self._crc[name][chunk]:
            path = self.folder / f"{name}.bin"
            raise DamagedArrays(f"{path} is damaged between bytes {start} and {end}: the checksum differs")
