"""Progress of a benchmark: a bar on a terminal, a line per finished run in a log file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gpool.bench.metric import Metric, metric_of
from gpool.config.epoch_lines import clock

__all__ = ["RunProgress"]


class RunProgress:
    """Tells which runs came to an end, as a context.

    Args:
        console: where to tell it; one that is no terminal gets lines in place of a bar.
        total: all runs of the plan.
        done: how many of them were finished before.
        metric: the number that a line shows; see :func:`gpool.bench.metric.metric_of`.
    """

    def __init__(self, console: Console, total: int, done: int, metric: Metric) -> None:
        self.console = console
        self.total, self.done, self.metric = total, done, metric
        self._before, self._start = done, time.monotonic()
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, TimeRemainingColumn(), console=console)
            self._task = self._bar.add_task("runs", total=total, completed=done)

    def finished(self, label: str, record: Mapping[str, object]) -> None:
        """Tell that a run came to an end, by what was recorded of it."""
        self.done += 1
        failed = "error" in record
        if self._bar is not None:
            if failed:
                self._bar.console.print(Text(f"failed: {label}", "red"))
            self._bar.update(self._task, advance=1, description=label)
            return
        told = [f"{self.done}/{self.total}", label, *(["failed"] if failed else self._numbers(record))]
        self.console.print(Text("  ".join([*told, self._left()])), soft_wrap=True)

    def _numbers(self, record: Mapping[str, object]) -> list[str]:
        metrics, seconds = record.get("metrics"), record.get("seconds")
        known = metrics if isinstance(metrics, Mapping) else {}
        metric = metric_of(str(record.get("data")), self.metric, known)
        numbers = [f"{metric} {known[metric]:.4g}"] if metric in known else []
        return numbers + ([f"took {clock(seconds)}"] if isinstance(seconds, float) else [])

    def _left(self) -> str:
        """The time that the other runs take if they take as long as those so far."""
        spent = time.monotonic() - self._start
        return f"about {clock(spent / (self.done - self._before) * (self.total - self.done))} left"

    def __enter__(self) -> RunProgress:
        self._start = time.monotonic()
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
