"""Runs as tasks of Ray."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from gpool.bench.elsewhere import call_there, here
from gpool.bench.workers import Died
from gpool.config.mistakes import ConfigError

__all__ = ["RayWorkers"]


class RayWorkers:
    """At most ``jobs`` tasks of Ray at a time.

    The cluster that ``RAY_ADDRESS`` or ``ray start`` names is joined; where there is none, one is started on
    this machine and stopped afterwards.

    Args:
        jobs: how many tasks go side by side.
        threads: CPUs of a task.
        options: of a task, such as ``{"num_gpus": 1}``.

    Raises:
        ConfigError: Ray is not installed, or refuses the options.
    """

    def __init__(self, jobs: int, threads: int, options: dict[str, Any]) -> None:
        try:
            import ray
        except ImportError:
            raise ConfigError("--engine=ray needs Ray: pip install 'gpool[ray]'") from None
        self.ray, self.jobs, self.threads = ray, jobs, threads
        given = {"num_cpus": threads, **options, "max_retries": 0}
        try:
            self._task = ray.remote(call_there).options(**given)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"--engine_options: {' '.join(str(error).split())}") from None
        self._busy: list[Any] = []
        self._ours = False

    @property
    def free(self) -> bool:
        """Whether another task can be started."""
        return len(self._busy) < self.jobs

    def start(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a task."""
        self._busy.append(self._task.remote(here(), work, arguments))
        return self._busy[-1]

    def finished(self, timeout: float | None) -> list[Any]:
        """The tasks that came to an end, after the first one or after ``timeout`` seconds."""
        done, self._busy = self.ray.wait(self._busy, num_returns=1, timeout=timeout, fetch_local=False)
        return list(done)

    def result(self, future: Any) -> Any:
        """What a task that came to an end has returned.

        Raises:
            Died: its process or its machine is gone.
        """
        errors = self.ray.exceptions
        try:
            return self.ray.get(future)
        except errors.RayTaskError:  # of the function
            raise
        except errors.RayError as error:
            raise Died(f"the task was lost: {type(error).__name__}") from None

    def __enter__(self) -> RayWorkers:
        quiet = {"log_to_driver": False, "logging_level": "error"}
        if not self.ray.is_initialized():
            try:
                self.ray.init(address="auto", **quiet)
            except ConnectionError:
                self.ray.init(
                    address="local", num_cpus=self.jobs * self.threads, include_dashboard=False, **quiet
                )
            self._ours = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._busy:
            self.ray.cancel(future, force=True)
        self._busy.clear()
        if self._ours:
            self.ray.shutdown()
