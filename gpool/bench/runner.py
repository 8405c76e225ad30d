"""The runs of a plan: finished ones are skipped, failed ones are reported at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from gpool.bench.claims import Claims
from gpool.bench.commit import commit
from gpool.bench.measured import check_measured
from gpool.bench.one_run import place, train_and_test
from gpool.bench.plan import Plan, Run
from gpool.bench.progress import RunProgress
from gpool.bench.store import Store
from gpool.bench.training_checks import check_training
from gpool.bench.workers import Died, Workers
from gpool.config.configuration import check
from gpool.config.mistakes import ConfigError

__all__ = ["Summary", "run_plan"]

LOOK = 1.0  # seconds between two looks at what another process has claimed


class Summary(NamedTuple):
    """What came of a plan: runs done by others or before, runs finished now, errors of those that failed."""

    before: int
    finished: int
    failed: dict[str, str]


def run_plan(plan: Plan, store: Store, jobs: int = 1, console: Console | None = None) -> Summary:
    """Do every run of a plan that is not done, ``jobs`` at a time, each in a process of its own.

    Every distinct configuration is read, built and tried on two graphs before the first run trains. The
    numbers do not depend on ``jobs``. Several processes may run one plan into one folder: each run is done by
    one of them, and all of them return when all runs are done.

    Raises:
        ConfigError: for a mistake in the plan.
        OSError: the folder cannot be written; it names the file.
        KeyboardInterrupt: on SIGINT; what finished is kept, and the next call does the rest.
    """
    console = console or Console(stderr=True)
    runs = {run.key: run for run in plan.runs()}
    for run in {run.row: run for run in runs.values()}.values():
        check_training(check(run.config).trainer, run.select)
    records = {key: record for key in runs if (record := store.get(key)) is not None}
    found: dict[str, frozenset[str]] = {}
    for record in records.values():
        found[record["data"]] = found.get(record["data"], frozenset()) | frozenset(record["metrics"])
    left = {key: run for key, run in runs.items() if key not in records}
    before, now, failed = len(records), 0, dict[str, str]()
    with store.claims() as claims, Workers(jobs) as workers:
        folds = check_measured(left.values(), plan.metric, found, workers)
        for data, number in folds.items():
            _check_folds(plan, data, number)
        store.note(list(runs), plan.metric)
        for data, number in folds.items():
            if told := _part_of_folds(plan, number):
                console.print(Text(f"{data}: {told}"))
        with RunProgress(console, len(runs), len(records), plan.metric) as progress:
            for outcome in _outcomes(left, store, claims, workers):
                if outcome.error is not None:
                    failed[outcome.run.label] = outcome.error
                else:
                    now += outcome.ours
                    before += not outcome.ours
                failure = None if outcome.error is None else {"error": outcome.error}
                progress.finished(outcome.run.label, failure or store.get(outcome.run.key) or {})
    return Summary(before, now, failed)


def _check_folds(plan: Plan, data: str, number: int) -> None:
    """Refuse a number of folds that is not that of the data."""
    if isinstance(plan.folds, int) and plan.folds != number:
        chosen = plan.which_folds()
        raise ConfigError(
            f"folds: got {plan.folds}, but {data} is split into {number}; give folds: {number} and run: "
            f"{chosen}, or split it otherwise by data.folds"
        )


def _part_of_folds(plan: Plan, number: int) -> str | None:
    """Which folds are run, where these are not all of the data's."""
    folds = plan.which_folds()
    if len(folds) == number:
        return None
    return f"{len(folds)} of its {number} folds are run: {', '.join(map(str, folds))}"


class Outcome(NamedTuple):
    """A run that came to an end, whether this process ran it, and its error."""

    run: Run
    ours: bool
    error: str | None


def _outcomes(left: dict[str, Run], store: Store, claims: Claims, workers: Workers) -> Iterator[Outcome]:
    """The outcomes of runs, as they end; those that another process has claimed are waited for."""
    left = dict(left)
    failures = {key: store.failed_at(key) for key in left}
    running: dict[Future[Any], Run] = {}
    while left or running:
        for key in list(left):
            if not workers.free:
                break
            if not claims.take(key):
                continue
            run = left.pop(key)
            if store.done(key):
                claims.drop(key)
                yield Outcome(run, False, None)
            elif store.failed_at(key) != failures[key]:
                claims.drop(key)
                yield Outcome(run, False, store.error(key))
            else:
                running[workers.start(train_and_test, run, store.keep_checkpoints)] = run
        if not running:
            time.sleep(LOOK if left else 0)
        for future in workers.finished(LOOK if left and workers.free else None) if running else []:
            run = running.pop(future)
            result = _result(workers, future, run)
            store.put(run.key, {**result, "commit": commit()})
            claims.drop(run.key)
            yield Outcome(run, True, result.get("error"))


def _result(workers: Workers, future: Future[Any], run: Run) -> dict[str, Any]:
    try:
        result: dict[str, Any] = workers.result(future)
    except Died as death:
        return {**place(run), "error": str(death)}
    return result
