"""Runs as jobs of Slurm, by submitit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from gpool.bench.elsewhere import call_there, here
from gpool.bench.workers import Died
from gpool.config.mistakes import ConfigError

__all__ = ["SlurmWorkers"]

LOOK = 0.1  # seconds between two looks


class SlurmWorkers:
    """At most ``jobs`` jobs at a time; without Slurm on this machine, submitit's processes here.

    Args:
        jobs: how many go side by side.
        threads: CPUs of a job.
        folder: for what is handed over and for the jobs' logs; every machine must see it. It is removed at
            the end.
        options: of a job, such as ``{"slurm_partition": "long", "timeout_min": 600}``.

    Raises:
        ConfigError: submitit is not installed, or refuses the options.
    """

    def __init__(self, jobs: int, threads: int, folder: Path, options: dict[str, Any]) -> None:
        try:
            import submitit
        except ImportError:
            raise ConfigError("--engine=slurm needs submitit: pip install 'gpool[slurm]'") from None
        self.jobs, self.folder = jobs, folder
        self._lost = submitit.core.utils.UncompletedJobError
        self._executor = submitit.AutoExecutor(folder)
        try:
            self._executor.update_parameters(**{"cpus_per_task": threads, "name": "gpool", **options})
        except (ValueError, TypeError, NameError, AssertionError) as error:
            raise ConfigError(f"--engine_options: {' '.join(str(error).split())}") from None
        self._busy: list[Any] = []

    @property
    def free(self) -> bool:
        """Whether another job can be started."""
        return len(self._busy) < self.jobs

    def start(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a job."""
        self._busy.append(self._executor.submit(call_there, here(), work, arguments))
        return self._busy[-1]

    def finished(self, timeout: float | None) -> list[Any]:
        """The jobs that came to an end, after the first one or after ``timeout`` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while not (done := [job for job in self._busy if job.done()]):
            if end is not None and time.monotonic() > end:
                break
            time.sleep(LOOK)
        self._busy = [job for job in self._busy if job not in done]
        return done

    def result(self, future: Any) -> Any:
        """What a job that came to an end has returned.

        Raises:
            Died: its process or its machine is gone.
        """
        try:
            return future.result()
        except self._lost as error:
            raise Died(f"job {future.job_id} was lost: {str(error).splitlines()[0]}") from None

    def __enter__(self) -> SlurmWorkers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for job in self._busy:
            job.cancel()
        self._busy.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
