"""The metrics that a run will measure, known before anything trains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightning.pytorch import LightningModule

from gpool.bench.plan import Run
from gpool.bench.workers import Died, Workers
from gpool.config.configuration import Configuration
from gpool.config.mistakes import ConfigError
from gpool.quiet import QUIET, quiet

__all__ = ["check_measured", "check_monitor", "measured"]


def measured(model: LightningModule) -> frozenset[str] | None:
    """Names of what a task measures on the validation and on the test part; None where only a run can tell.

    A class that says it by ``measures()`` is asked, unless it has inherited that: it may measure more than
    its parent does.
    """
    if "measures" not in vars(type(model)):
        return None
    names: Iterable[str] = model.measures()  # type: ignore[operator]
    return frozenset(names)


def check_measured(runs: Iterable[Run], metric: str, found: frozenset[str], workers: Workers) -> None:
    """Refuse a plan whose metric no run measures, or that selects epochs by what is not logged.

    One run of every row and data set is built, without training, until one has the metric.

    Args:
        runs: the runs to be done.
        metric: the number to be reported.
        found: what the runs that are done already have measured.
        workers: where the runs are built.

    Raises:
        ConfigError: in one line that names what is measured.
    """
    if metric in found:
        return
    known, all_known = set(found), True
    for run in {(run.data, run.variant, run.readout): run for run in runs}.values():
        try:
            names = workers.call(_build, run)
        except Died:
            names = frozenset()  # its own run will tell
        if names is None:
            return
        if not names:
            all_known = False
            continue
        check_monitor(run, names)
        known |= {f"{part}/{name}" for part in ("val", "test") for name in names}
        if metric in known:
            return
    if all_known:
        raise ConfigError(f"metric: {metric!r} is not measured; there are: {', '.join(sorted(known))}")


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
        raise ConfigError(f"select.monitor: {run.select.monitor!r} is not logged; there are: {known}")


def _build(run: Run) -> frozenset[str] | None:
    """What a run measures; empty where it cannot be built, None where only the run itself can tell."""
    if _logs_more(run.config):
        return None
    try:
        with quiet():
            made = Configuration(args=run.config, run=False, trainer_defaults=QUIET)
    except Exception:  # its own run will tell
        return frozenset()
    return measured(made.model)


def _logs_more(config: dict[str, Any]) -> bool:
    """Whether the configuration has callbacks, which may log numbers of their own."""
    return bool(config["trainer"].get("callbacks"))
