"""Which runs this process has claimed, so that two benchmarks in one folder share the work."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from filelock import BaseFileLock, FileLock, Timeout

__all__ = ["Claims"]


class Claims:
    """Locks on the runs of a benchmark, held by one process; they end with the process that holds them.

    Args:
        folder: where the lock files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held: dict[str, BaseFileLock] = {}

    def take(self, key: str) -> bool:
        """Claim a run; False where another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self.held[key] = lock
        return True

    def drop(self, key: str) -> None:
        """Give a run back. Whoever claims it next looks first whether it is done."""
        lock = self.held.pop(key)
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()

    def __enter__(self) -> Claims:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key in list(self.held):
            self.drop(key)
