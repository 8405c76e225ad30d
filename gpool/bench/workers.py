"""Worker processes for runs; one that dies fails its own run only."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor

from gpool.config.mistakes import ConfigError

__all__ = ["Died", "Workers"]

LOOK = 1.0  # seconds between two looks whether the parent is still there
PATIENCE = 10.0  # seconds
CLEAR = (
    "import shutil, sys, time; time.sleep(float(sys.argv[1])); shutil.rmtree(sys.argv[2], ignore_errors=True)"
)

_spare: list[
    ProcessPoolExecutor
] = []  # processes that are up and have nothing to do; the next plan takes them


class Died(RuntimeError):
    """The process of a run has died."""


class Workers:
    """``jobs`` worker processes, each an executor of its own, started when they are first needed.

    A process that dies is replaced, and the others do not notice. When the process that started them is gone,
    they stop within seconds. Leaving the context by an exception kills them in the middle of their runs.

    Args:
        jobs: how many processes work side by side.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._taken: list[ProcessPoolExecutor] = []  # all that may be at work, so that all can be killed
        self._busy: dict[Future[Any], ProcessPoolExecutor] = {}

    @property
    def free(self) -> bool:
        """Whether a process has nothing to do."""
        return len(self._busy) < self.jobs

    def start(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function in a process that has nothing to do."""
        with _safe_path():
            while True:
                executor = _spare[-1] if _spare else _executor()
                self._taken.append(executor)
                if executor in _spare:
                    _spare.remove(executor)
                try:
                    future = executor.submit(work, *arguments)
                except BrokenProcessPool:  # it died while it had nothing to do
                    self._kill(executor)
                else:
                    self._busy[future] = executor
                    return future

    def finished(self, timeout: float | None) -> list[Future[Any]]:
        """The calls that came to an end, after the first one or after ``timeout`` seconds."""
        done = wait(self._busy, timeout=timeout, return_when=FIRST_COMPLETED).done
        for future in done:
            executor = self._busy.pop(future)
            if isinstance(future.exception(), BrokenProcessPool):
                self._kill(executor)
            else:
                self._taken.remove(executor)
                _spare.append(executor)
        return list(done)

    def _kill(self, executor: ProcessPoolExecutor) -> None:
        executor.shutdown(wait=True, kill_workers=True)
        self._taken.remove(executor)

    def result(self, future: Future[Any]) -> Any:
        """What a call that came to an end has returned.

        Raises:
            Died: its process died.
        """
        try:
            return future.result()
        except BrokenProcessPool:
            raise Died("the process was killed, as it is when memory runs out") from None

    def call(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a process and wait for what it returns."""
        future = self.start(work, *arguments)
        while future not in self.finished(None):
            pass
        return self.result(future)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._busy:
            _let_begin(future)
        self._busy.clear()
        if kind is not None and not issubclass(kind, Exception):  # the whole program is to end
            self._taken += _spare
            _spare.clear()
        for executor in list(self._taken):
            self._kill(executor)


def _let_begin(future: Future[Any]) -> None:
    """Wait until loky has handed a call over, which takes an instant: it cannot be shut down before."""
    end = time.monotonic() + PATIENCE
    while not (future.running() or future.done()) and time.monotonic() < end:
        time.sleep(0.01)


def _executor() -> ProcessPoolExecutor:
    here = (os.getpid(), _scratch())
    return ProcessPoolExecutor(1, initializer=_begin, initargs=here, env={"PYTHONSAFEPATH": "1"})


@cache
def _scratch() -> str:
    """A folder for the temporary files of all runs: nothing is left of those that are killed."""
    folder = tempfile.mkdtemp(prefix="gpool-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def _safe_path() -> Iterator[None]:
    """Start processes without the working folder in front of the standard library on their path."""
    if sys.version_info < (3, 11) and (hidden := hidden_modules(Path.cwd())):
        raise ConfigError(
            f"{', '.join(hidden)} in the working folder would hide modules of these names; rename them"
        )
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PYTHONSAFEPATH", None)
        else:
            os.environ["PYTHONSAFEPATH"] = before


def hidden_modules(folder: Path) -> list[str]:
    """Files of a folder that have the name of a module of the standard library, or of one in use."""
    found = []
    for path in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")]):
        name = path.stem if path.name != "__init__.py" else path.parent.name
        used = getattr(sys.modules.get(name), "__file__", None)
        if name in sys.stdlib_module_names or (used and not Path(used).is_relative_to(folder)):
            found.append(path.relative_to(folder).as_posix())
    return found


def _begin(parent: int, scratch: str) -> None:
    """Prepare a process that runs are done in."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    os.environ.pop("PYTHONSAFEPATH", None)
    tempfile.tempdir = scratch
    threading.Thread(target=_follow, args=(parent, scratch), daemon=True).start()


def _follow(parent: int, scratch: str) -> None:
    """End this process when its parent is gone: nobody is left to keep what it finds."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    # runs write into the folder until their processes end, so that another one has to clear it after them
    subprocess.Popen([sys.executable, "-I", "-c", CLEAR, str(2 * LOOK), scratch])
    os._exit(1)
