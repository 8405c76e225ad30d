"""What a plan would do: its runs, and the time that they are expected to take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import mean
from typing import Any

from gpool.bench.names import row_label
from gpool.bench.run import Run
from gpool.config.epoch_lines import clock

__all__ = ["forecast", "other_versions"]


def forecast(runs: Mapping[str, Run], records: Mapping[str, dict[str, Any]], jobs: int) -> list[str]:
    """The runs that are left, one per line, and the time they take, as those of their rows did.

    Args:
        runs: all runs of a plan by key.
        records: those that are done.
        jobs: how many go side by side.
    """
    took: dict[Any, list[float]] = defaultdict(list)
    for key, record in records.items():
        took[runs[key].row].append(float(record["seconds"]))
    left = [run for key, run in runs.items() if key not in records]
    lines = [
        f"{run.label}{f'  about {clock(mean(took[run.row]))}' if run.row in took else ''}" for run in left
    ]
    lines.append(f"{len(runs)} runs: {len(records)} done, {len(left)} left")
    known = [mean(took[run.row]) for run in left if run.row in took]
    if known:
        lines.append(
            f"about {clock(sum(known) / min(jobs, len(known)))} for {len(known)} of them, {jobs} at a time"
        )
    unknown = dict.fromkeys(
        f"{run.data}: {row_label(run.variant, run.readout)}" for run in left if run.row not in took
    )
    if unknown:
        lines.append(f"no run is done yet, so that the time is unknown: {'; '.join(unknown)}")
    return lines


def other_versions(records: Mapping[str, dict[str, Any]], now: Mapping[str, str]) -> dict[str, str]:
    """The finished runs that other versions have made, by key, each with what differs."""
    found = {}
    for key, record in records.items():
        differs = [
            f"{name} {made} (now {now[name]})"
            for name, made in record["versions"].items()
            if name in now and made != now[name]
        ]
        if differs:
            found[key] = ", ".join(differs)
    return found
