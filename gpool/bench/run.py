"""Running a plan: what is done is left alone, what fails is told at the end, the rest goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple

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

from gpool.bench.cell import place, run_cell
from gpool.bench.claims import Claims
from gpool.bench.measured import check_measured
from gpool.bench.plan import Cell, Plan
from gpool.bench.store import Store
from gpool.bench.training_checks import check_training
from gpool.bench.workers import Died, Workers
from gpool.config.configuration import check

__all__ = ["Summary", "run_plan"]

LOOK = 1.0  # seconds between two looks at what another process has claimed


class Summary(NamedTuple):
    """What came of a run: cells done by others or before, cells finished now, errors of those that failed."""

    before: int
    finished: int
    failed: dict[str, str]


def run_plan(plan: Plan, store: Store, jobs: int = 1, console: Console | None = None) -> Summary:
    """Run every cell of a plan that is not done, ``jobs`` at a time, each in a process of its own.

    Every distinct configuration is checked before the first run starts. The numbers do not depend on
    ``jobs``. Several processes may run one plan into one folder: each cell is run by one of them, and all
    of them return when all cells are done.

    Raises:
        ConfigError: for a mistake in the plan.
        OSError: the folder cannot be written; it names the file.
        KeyboardInterrupt: on SIGINT; what finished is kept, and the next call runs the rest.
    """
    console = console or Console(stderr=True)
    cells = {cell.key: cell for cell in plan.cells()}
    for cell in {(c.data, c.variant, c.readout): c for c in cells.values()}.values():
        check_training(check(cell.config).trainer, cell.select)
    records = {key: record for key in cells if (record := store.get(key)) is not None}
    found = frozenset(name for record in records.values() for name in record["metrics"])
    left = {key: cell for key, cell in cells.items() if key not in records}
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    before, now, failed = len(records), 0, dict[str, str]()
    with store.claims() as claims, Workers(jobs) as workers:
        check_measured(left.values(), plan.metric, found, workers)
        store.note(list(cells), plan.metric)
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            bar = progress.add_task("cells", total=len(cells), completed=len(records))
            for outcome in _outcomes(left, store, claims, workers):
                if outcome.error is not None:
                    failed[outcome.cell.label] = outcome.error
                    progress.console.print(Text(f"failed: {outcome.cell.label}", "red"))
                else:
                    now += outcome.ours
                    before += not outcome.ours
                progress.update(bar, advance=1, description=outcome.cell.label)
    return Summary(before, now, failed)


class Outcome(NamedTuple):
    """A cell that came to an end, whether this process ran it, and its error."""

    cell: Cell
    ours: bool
    error: str | None


def _outcomes(left: dict[str, Cell], store: Store, claims: Claims, workers: Workers) -> Iterator[Outcome]:
    """What comes of cells, as they end; those that another process has claimed are waited for."""
    left = dict(left)
    failures = {key: store.failed_at(key) for key in left}
    running: dict[Future[Any], Cell] = {}
    while left or running:
        for key in list(left):
            if not workers.free:
                break
            if not claims.take(key):
                continue
            cell = left.pop(key)
            if store.done(key):
                claims.drop(key)
                yield Outcome(cell, False, None)
            elif store.failed_at(key) != failures[key]:
                claims.drop(key)
                yield Outcome(cell, False, store.error(key))
            else:
                running[workers.start(run_cell, cell)] = cell
        if not running:
            time.sleep(LOOK if left else 0)
        for future in workers.finished(LOOK if left and workers.free else None) if running else []:
            cell = running.pop(future)
            result = _result(workers, future, cell)
            store.put(cell.key, result)
            claims.drop(cell.key)
            yield Outcome(cell, True, result.get("error"))


def _result(workers: Workers, future: Future[Any], cell: Cell) -> dict[str, Any]:
    try:
        result: dict[str, Any] = workers.result(future)
    except Died as death:
        return {**place(cell), "error": str(death)}
    return result
