"""Benchmarks of one plan that ran in several folders, put together."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from gpool.bench.kept import CHECKPOINT, PREDICTIONS
from gpool.bench.record import Damaged, read_record
from gpool.bench.store import Store

__all__ = ["Merged", "merge"]


class Merged(NamedTuple):
    """What came of it: runs that were taken over, that were there already, and what was left out and why."""

    taken: int
    there: int
    left_out: dict[str, str]


def merge(into: Store, other: Store) -> Merged:
    """Take over the finished runs of another folder, with their predictions and weights.

    A run that both have stays as it is. A record that says something else than the one that is there is left
    out, so is a damaged one, and so is a run that another process is at. The last plan of ``into`` gets the
    runs of the other's.

    Raises:
        ValueError: a ``plan.json`` is damaged.
        OSError: a file cannot be written; it names it.
    """
    (keys, metric), (more, other_metric) = into.planned(), other.planned()
    keys, more = keys or into.every_key(), more or other.every_key()
    taken, there, left_out = 0, 0, dict[str, str]()
    with into.claims() as claims:
        for key in other.every_key():
            path = other.path(key)
            try:
                record = read_record(path)
            except Damaged as damage:
                left_out[str(path)] = f"it is damaged: {damage}"
                continue
            if not claims.take(key):
                left_out[str(path)] = "another process is at this run"
                continue
            mine = into.get(key)
            if mine is None:
                into.put(key, {**record, "files": _files(other, key)})
                taken += 1
            elif _told(mine) == _told(record):
                there += 1
            else:
                left_out[str(path)] = f"{into.folder} has another result of this run, which is kept"
            claims.drop(key)
    into.note(list(dict.fromkeys([*keys, *more])), metric or other_metric)
    return Merged(taken, there, left_out)


def _told(record: dict[str, Any]) -> str:
    return json.dumps([record["metrics"], record["epoch"], record["epochs"]], sort_keys=True)  # NaN is NaN


def _files(store: Store, key: str) -> dict[str, bytes]:
    """What is kept beside a record, by its place in the folder."""
    places = {place: store.folder / place.format(key=key) for place in (PREDICTIONS, CHECKPOINT)}
    return {place: path.read_bytes() for place, path in places.items() if path.is_file()}
