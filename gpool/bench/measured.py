"""Every row of a plan tried out before anything trains, and the metrics that its runs will measure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from gpool.bench.metric import Metric
from gpool.bench.names import row_label
from gpool.bench.protocol import check_parts, protocol_of
from gpool.bench.run import Run
from gpool.bench.workers import Died, Workers
from gpool.config.configuration import Configuration
from gpool.config.mistakes import ConfigError
from gpool.config.rehearsal import measured, one_line, rehearse
from gpool.quiet import QUIET, quiet

__all__ = ["check_measured", "check_metric", "check_monitor", "measured"]


class Seen(NamedTuple):
    """What trying out a row has shown: the names that it measures, None where only a run can tell; how many
    folds its data have, None where they have none.
    """

    names: frozenset[str] | None
    folds: int | None


def check_measured(
    runs: Iterable[Run], metric: Metric, found: Mapping[str, frozenset[str]], workers: Workers
) -> dict[str, int]:
    """Try out one run of every row and data set, that of the highest fold; nothing trains.

    Args:
        runs: the runs to be done.
        metric: the number to be reported, see :class:`Plan`.
        found: what the runs that are done already have measured, by data set.
        workers: where the runs are built.

    Returns:
        How many folds each data set has, where it has some.

    Raises:
        ConfigError: in one line, for data that are not there, for parts that do not fit, for an epoch
            selected by what is not logged, and for a metric that is not measured.
    """
    rows = {(run.data, run.variant, run.readout): run for run in sorted(runs, key=lambda run: run.fold or 0)}
    known = {data: set(names) for data, names in found.items()}
    untold, folds = set(), {}
    for run, seen in _tried(rows.values(), workers):
        if seen is None or seen.names is None:
            untold.add(run.data)
        else:
            check_monitor(run, seen.names)
            logged = (f"{part}/{name}" for part in ("val", "test") for name in seen.names)
            known.setdefault(run.data, set()).update(logged)
        if seen is not None and seen.folds is not None and run.fold is not None:
            folds[run.data] = seen.folds
    check_metric(metric, {data: sorted(names) for data, names in known.items() if data not in untold})
    return folds


def check_metric(metric: Metric, known: Mapping[str, Iterable[str]]) -> None:
    """Refuse a metric that a data set does not measure.

    Raises:
        ConfigError: in one line that names what is measured.
    """
    for data, names in known.items():
        wanted = metric.get(data) if isinstance(metric, Mapping) else metric
        if wanted is not None and wanted not in names:
            raise ConfigError(
                f"metric: {wanted!r} is not measured on {data}; there are: {', '.join(names)}. A mapping of "
                f"data sets to metrics is accepted too; without a metric, each data set has its own"
            )


def check_monitor(run: Run, names: frozenset[str] | None) -> None:
    """Refuse to select an epoch by a number that is not logged.

    Raises:
        ConfigError: in one line that names what is logged.
    """
    if run.select is None or names is None or _logs_more(run.config):
        return
    logged = {"train/loss", *(f"val/{name}" for name in names)}
    if run.select.monitor not in logged:
        known = ", ".join(sorted(logged))
        raise ConfigError(
            f"select.monitor: {run.select.monitor!r} is not logged on {run.data}; there are: {known}"
        )


def _tried(runs: Iterable[Run], workers: Workers) -> Iterator[tuple[Run, Seen | None]]:
    """Every run and what trying it out has shown; None where its process died, which its run will tell."""
    waiting, busy = list(runs), dict[Future[Any], Run]()
    while waiting or busy:
        while waiting and workers.free:
            run = waiting.pop(0)
            busy[workers.start(_try, run)] = run
        for future in workers.finished(None):
            run = busy.pop(future)
            try:
                yield run, workers.result(future)
            except Died:
                yield run, None
            except ConfigError as error:
                where = ", ".join(dict.fromkeys([run.data, row_label(run.variant, run.readout)]))
                raise ConfigError(f"{where}: {error}") from None


def _try(run: Run) -> Seen:
    try:
        with quiet():
            made = Configuration(args=run.config, run=False, trainer_defaults=QUIET)
            rehearse(made.model, made.datamodule, made.trainer.callbacks)  # type: ignore[attr-defined]
            protocol_of(made.datamodule, run)
            check_parts(made.datamodule)
    except ConfigError as error:
        raise ConfigError(str(error)) from None  # its cause may not be fit to leave this process
    except Exception as error:
        raise ConfigError(one_line(error)) from None
    folds = getattr(made.datamodule, "folds", None)
    names = None if _logs_more(run.config) else measured(made.model)
    return Seen(names, folds if isinstance(folds, int) else None)


def _logs_more(config: dict[str, Any]) -> bool:
    """Whether the configuration has callbacks, which may log numbers of their own."""
    return bool(config["trainer"].get("callbacks"))
