"""Files from the network: whole or not at all, and never outside their folder."""

from __future__ import annotations

import os
import shutil
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from filelock import FileLock

__all__ = ["alone", "fetch", "fetch_archive"]


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """One process at a time: an empty folder beside ``folder``, which is removed afterwards.

    A process that was killed in here leaves that folder behind; the next one empties it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.part")
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


def fetch(url: str, path: Path) -> None:
    """The file at ``url``, at ``path``.

    Raises:
        OSError: it cannot be fetched, or ends early; the environment variable ``GPOOL_OFFLINE`` is set.
    """
    if os.environ.get("GPOOL_OFFLINE"):
        raise OSError("offline")
    request = urllib.request.Request(url, headers={"User-Agent": "gpool"})
    with urllib.request.urlopen(request, timeout=60) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer, file)
        told = answer.headers.get("Content-Length")
    if told is not None and int(told) != path.stat().st_size:
        raise OSError(f"{url} ended after {path.stat().st_size} of {told} bytes")


def fetch_archive(url: str, folder: Path, part: Path, last: Iterable[Path]) -> None:
    """The files of a zip archive at ``url``, put into ``folder`` without the archive's own top folder.

    Args:
        url: of the archive.
        folder: where to put the files.
        part: an empty folder on the same disk.
        last: the files whose presence says that the set is complete; they are put there after all others.

    Raises:
        OSError: it cannot be fetched.
        ValueError: it is no zip archive, or names a file outside its folder.
    """
    archive, unpacked = part / "archive.zip", part / "unpacked"
    fetch(url, archive)
    unpacked.mkdir()
    try:
        made = _unpack(archive, unpacked)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{url} is not a whole zip archive ({error})") from error
    late = {path.relative_to(folder) for path in last}
    for name in sorted(made, key=lambda name: name in late):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).replace(folder / name)


def _unpack(archive: Path, folder: Path) -> list[Path]:
    """Unpack the files below the top folder of an archive; their names."""
    made = []
    with zipfile.ZipFile(archive) as held:
        for member in held.infolist():
            parts = PurePosixPath(member.filename).parts
            if parts[:1] == ("/",) or ".." in parts or "\\" in member.filename or ":" in member.filename:
                raise ValueError(f"{archive.name} names {member.filename!r}, a file outside its folder")
            if member.is_dir() or len(parts) < 2:
                continue
            name = Path(*parts[1:])
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with held.open(member) as source, (folder / name).open("xb") as file:
                shutil.copyfileobj(source, file)
            made.append(name)
    return made
