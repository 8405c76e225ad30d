"""The runs of a plan: finished ones are skipped, failed ones are reported at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from gpool.bench.claims import Claims
from gpool.bench.commit import commit
from gpool.bench.engine import Engine
from gpool.bench.forecast import other_versions
from gpool.bench.measured import check_measured
from gpool.bench.one_run import place, train_and_test, versions
from gpool.bench.plan import Plan, Run
from gpool.bench.progress import RunProgress
from gpool.bench.store import Store
from gpool.bench.training_checks import check_training
from gpool.bench.workers import Died, Workers
from gpool.config.configuration import check
from gpool.config.mistakes import ConfigError

__all__ = ["Summary", "finished", "run_plan"]

LOOK = 1.0  # seconds between two looks at what another process has claimed


class Summary(NamedTuple):
    """What came of a plan: runs done by others or before, runs finished now, errors of those that failed."""

    before: int
    finished: int
    failed: dict[str, str]


def run_plan(
    plan: Plan,
    store: Store,
    jobs: int = 1,
    console: Console | None = None,
    engine: Engine | None = None,
    again: bool = False,
) -> Summary:
    """Do every run of a plan that is not done, ``jobs`` at a time, each in a process of its own.

    Every distinct configuration is read, built and tried on two graphs before the first run trains. The
    numbers depend neither on ``jobs`` nor on the engine. Several processes may run one plan into one folder:
    each run is done by one of them, and all of them return when all runs are done. A run whose process is
    lost is done a second time.

    Args:
        plan: what to run.
        store: where the results are.
        jobs: how many runs go side by side, in processes of this machine.
        console: where to tell it.
        engine: where runs train, in place of those processes.
        again: repeat the runs that other versions of the packages have made.

    Raises:
        ConfigError: for a mistake in the plan.
        OSError: the folder cannot be written; it names the file.
        KeyboardInterrupt: on SIGINT; what finished is kept, and the next call does the rest.
    """
    console = console or Console(stderr=True)
    runs = {run.key: run for run in plan.runs()}
    for run in {run.row: run for run in runs.values()}.values():
        check_training(check(run.config).trainer, run.select)
    records = finished(runs, store)
    for key in _made_otherwise(records, console, again):
        store.put_aside(key)
        del records[key]
    found: dict[str, frozenset[str]] = {}
    for record in records.values():
        found[record["data"]] = found.get(record["data"], frozenset()) | frozenset(record["metrics"])
    left = {key: run for key, run in runs.items() if key not in records}
    before, now, failed = len(records), 0, dict[str, str]()
    with store.claims() as claims, Workers(jobs) as workers, engine or nullcontext():
        folds = check_measured(left.values(), plan.metric, found, workers)
        for data, number in folds.items():
            _check_folds(plan, data, number)
        store.note(list(runs), plan.metric)
        for data, number in folds.items():
            if told := _part_of_folds(plan, number):
                console.print(Text(f"{data}: {told}"))
        with RunProgress(console, len(runs), len(records), plan.metric) as progress:
            for outcome in _outcomes(left, store, claims, engine or workers):
                if outcome.error is not None:
                    failed[outcome.run.label] = outcome.error
                else:
                    now += outcome.ours
                    before += not outcome.ours
                failure = None if outcome.error is None else {"error": outcome.error}
                progress.finished(outcome.run.label, failure or store.get(outcome.run.key) or {})
    return Summary(before, now, failed)


def finished(runs: Iterable[str], store: Store) -> dict[str, dict[str, Any]]:
    """The records of those runs that are done, by key."""
    return {key: record for key in runs if (record := store.get(key)) is not None}


def _made_otherwise(records: Mapping[str, dict[str, Any]], console: Console, again: bool) -> list[str]:
    """The runs to repeat because other versions have made them; they are told in any case."""
    others = other_versions(records, versions())
    for differs, count in Counter(others.values()).items():
        what = "are repeated" if again else "are kept; --again repeats them"
        console.print(Text(f"{count} finished runs were made by {differs}: they {what}"), soft_wrap=True)
    return list(others) if again else []


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


def _outcomes(left: dict[str, Run], store: Store, claims: Claims, workers: Engine) -> Iterator[Outcome]:
    """The outcomes of runs, as they end; those that another process has claimed are waited for."""
    left = dict(left)
    failures = {key: store.failed_at(key) for key in left}
    running: dict[Any, Run] = {}
    lost = set[str]()
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
            try:
                result = workers.result(future)
            except Died as death:
                if run.key not in lost:  # perhaps by no fault of its own
                    lost.add(run.key)
                    running[workers.start(train_and_test, run, store.keep_checkpoints)] = run
                    continue
                result = {**place(run), "error": str(death)}
            store.put(run.key, {**result, "commit": commit()})
            claims.drop(run.key)
            yield Outcome(run, True, result.get("error"))
