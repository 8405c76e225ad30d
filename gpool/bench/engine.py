"""Where runs are done: in processes of this machine, by Ray, or by Slurm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from gpool.bench.workers import Workers

__all__ = ["Engine", "EngineName", "engine_of"]

EngineName = Literal["local", "ray", "slurm"]


class Engine(Protocol):
    """A context that calls functions elsewhere; a call is known by what :meth:`start` returns."""

    @property
    def free(self) -> bool:
        """Whether another call can be started."""

    def start(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function."""

    def finished(self, timeout: float | None) -> list[Any]:
        """The calls that came to an end, after the first one or after ``timeout`` seconds."""

    def result(self, future: Any) -> Any:
        """What a call that came to an end has returned; :class:`gpool.bench.workers.Died` if it was lost."""

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def engine_of(name: EngineName, jobs: int, threads: int, folder: Path, options: dict[str, Any]) -> Engine:
    """The engine of a name.

    Args:
        name: ``"local"``, ``"ray"`` or ``"slurm"``.
        jobs: how many runs go side by side.
        threads: CPU threads of a run.
        folder: for files of the engine.
        options: of each run, as Ray's ``.options`` or submitit's ``update_parameters`` take them.

    Raises:
        ConfigError: the engine's package is not installed, or refuses the options.
    """
    if name == "ray":
        from gpool.bench.ray_engine import RayWorkers

        return RayWorkers(jobs, threads, options)
    if name == "slurm":
        from gpool.bench.slurm_engine import SlurmWorkers

        return SlurmWorkers(jobs, threads, folder, options)
    return Workers(jobs)
