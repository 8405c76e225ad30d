"""Running a plan: what is done is left alone, what fails is told at the end, the rest goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any, NamedTuple

from joblib.externals.loky import as_completed, get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from gpool.bench.cell import place, run_cell
from gpool.bench.plan import Cell, Plan
from gpool.bench.store import Store
from gpool.training.configuration import check

__all__ = ["Summary", "run_plan"]


class Summary(NamedTuple):
    """What came of a run: cells found done, cells finished now, errors of those that failed by label."""

    before: int
    finished: int
    failed: dict[str, str]


def run_plan(plan: Plan, store: Store, jobs: int = 1, console: Console | None = None) -> Summary:
    """Run every cell of a plan that is not done, ``jobs`` at a time, each in a process of its own.

    Every distinct configuration is checked before the first run starts. The numbers do not depend on
    ``jobs``.

    Raises:
        ConfigError: for a mistake in the plan.
        KeyboardInterrupt: on SIGINT; what finished is kept, and the next call runs the rest.
    """
    console = console or Console(stderr=True)
    cells = {cell.key: cell for cell in plan.cells()}
    for config in {(c.data, c.variant, c.readout): c.config for c in cells.values()}.values():
        check(config)
    store.note(list(cells), plan.metric)
    left = [cell for key, cell in cells.items() if not store.done(key)]
    failed: dict[str, str] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("cells", total=len(cells), completed=len(cells) - len(left))
        for key, result in _results(left, jobs):
            store.put(key, result)
            cell = cells[key]
            if "error" in result:
                failed[cell.label] = result["error"]
                progress.console.print(f"failed: {cell.label}", style="red", highlight=False)
            progress.update(bar, advance=1, description=cell.label)
    return Summary(len(cells) - len(left), len(left) - len(failed), failed)


def _results(cells: list[Cell], jobs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Results as they come; a worker that dies takes its own cell down and no other."""
    left = {cell.key: cell for cell in cells}
    while left:
        workers = get_reusable_executor(max_workers=jobs)
        try:
            for future in as_completed([workers.submit(_work, cell) for cell in left.values()]):
                key, result = future.result()
                del left[key]
                yield key, result
        except TerminatedWorkerError:
            if jobs == 1:
                key = next(iter(left))
                result = place(left.pop(key))
                yield key, {**result, "error": "the process was killed, as it is when memory runs out"}
            jobs = 1  # one at a time, to find out which
        except BaseException:  # an interrupt, or the caller has had enough
            workers.shutdown(wait=True, kill_workers=True)
            raise


def _work(cell: Cell) -> tuple[str, dict[str, Any]]:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    return cell.key, run_cell(cell)
