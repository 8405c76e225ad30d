"""Checksums of files, in the format of ``sha256sum``."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

__all__ = ["SUMS", "check_sums", "note_sums", "write_text"]

SUMS = "SHA256SUMS"  # the file's name, as ``sha256sum -c SHA256SUMS`` takes it


def note_sums(folder: Path, files: Iterable[Path]) -> None:
    """Write the checksums of files below a folder into its ``SHA256SUMS``; those of other files stay."""
    known = _read(folder)
    known.update({path.relative_to(folder).as_posix(): _sum(path) for path in files})
    write_text(folder / SUMS, "".join(f"{known[name]}  {name}\n" for name in sorted(known)))


def check_sums(folder: Path, files: Iterable[Path]) -> int | None:
    """How many of the files have a known checksum, which is theirs; None where the folder has no checksums.

    Raises:
        ValueError: a file is not what it was, or is gone; the message names it.
    """
    known = _read(folder)
    if not (folder / SUMS).is_file():
        return None
    wanted = {path.relative_to(folder).as_posix() for path in files}
    for name in sorted(wanted & known.keys()):
        path = folder / name
        if not path.is_file():
            raise ValueError(f"{path} is gone; {folder / SUMS} lists it")
        if _sum(path) != known[name]:
            raise ValueError(f"{path} is damaged: its SHA-256 is not that of {folder / SUMS}; place it anew")
    return len(wanted & known.keys())


def _read(folder: Path) -> dict[str, str]:
    """The checksums by the file's path below the folder.

    Raises:
        ValueError: a line is none; the message names it.
    """
    path, found = folder / SUMS, {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        digest, _, name = line.partition(" ")
        if len(digest) != 64 or not name[1:]:
            raise ValueError(f"{path}, line {number}: {line!r:.40} must be a SHA-256, two spaces and a file")
        found[name[1:]] = digest.lower()
    return found


def _sum(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            state.update(piece)
    return state.hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{uuid.uuid4().hex}")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
