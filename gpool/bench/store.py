"""Results of a benchmark on disk: one JSON file per run, written whole or not at all."""

from __future__ import annotations

import csv
import gzip
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from gpool.bench.claims import Claims
from gpool.bench.kept import PREDICTIONS
from gpool.bench.optimistic import at_best_epoch
from gpool.bench.record import Damaged, read_json, read_record
from gpool.bench.whole_file import write_whole

__all__ = ["Store"]


class Store:
    """The folder of a benchmark.

    ``runs/KEY.json`` holds a finished run and ``errors/KEY.json`` one that failed; the key carries a hash
    of the run's configuration, so a changed plan never takes an old result for its own. A damaged file counts
    as missing, and its run is done again. Results in a folder ``cells``, where they used to be, are read too.

    A record that is to be made again is moved into ``replaced``.

    ``predictions/KEY.csv.gz`` holds the predictions of the test part, and ``checkpoints/KEY.ckpt`` the tested
    weights, where they are kept.

    Args:
        folder: where the benchmark writes; made where it is missing.
        keep_checkpoints: whether runs keep their weights, too.
    """

    def __init__(self, folder: str | os.PathLike[str], keep_checkpoints: bool = False) -> None:
        self.folder = Path(folder)
        self.keep_checkpoints = keep_checkpoints
        self.runs = self.folder / "runs"
        self.old = self.folder / "cells"
        self.errors = self.folder / "errors"

    def get(self, key: str) -> dict[str, Any] | None:
        """The result of a finished run; None where there is none, or a damaged one."""
        try:
            return read_record(self.path(key))
        except Damaged:
            return None

    def path(self, key: str) -> Path:
        """The file of a finished run."""
        new, old = self.runs / f"{key}.json", self.old / f"{key}.json"
        return old if old.exists() and not new.exists() else new

    def every_key(self) -> list[str]:
        """Of all records that are there, damaged or not."""
        return sorted({path.stem for folder in (self.runs, self.old) for path in folder.glob("*.json")})

    def put_aside(self, key: str) -> None:
        """Move a record out of the way, into the folder ``replaced``: its run is to be done again."""
        aside = self.folder / "replaced"
        aside.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # another process was faster
            os.replace(self.path(key), aside / f"{key}.json")

    def done(self, key: str) -> bool:
        """Whether the run of this key has finished."""
        return self.get(key) is not None

    def put(self, key: str, result: dict[str, Any]) -> None:
        """Write a result, whole or not at all; a run that finishes takes its old error away."""
        failed = "error" in result
        folder = self.errors if failed else self.runs
        result = dict(result)
        for place, content in result.pop("files", {}).items():  # the record comes last: it says "done"
            write_whole(self.folder / place.format(key=key), content)
        write_whole(folder / f"{key}.json", json.dumps(result, indent=1, default=str))
        if not failed:
            (self.errors / f"{key}.json").unlink(missing_ok=True)

    def predictions(self, key: str) -> list[dict[str, str]] | None:
        """The predictions of a run's test part, a dict per row; None where there are none."""
        path = self.folder / PREDICTIONS.format(key=key)
        if not path.exists():
            return None
        with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def failed_at(self, key: str) -> int | None:
        """When the run of this key last failed, in nanoseconds; None where it did not."""
        try:
            return (self.errors / f"{key}.json").stat().st_mtime_ns
        except OSError:
            return None

    def error(self, key: str) -> str:
        """What was wrong when the run of this key last failed."""
        try:
            return str(read_json(self.errors / f"{key}.json").get("error"))
        except Damaged as damage:
            return f"its record cannot be read: {damage}"

    def claims(self) -> Claims:
        """Locks that share the runs out among the processes that run this benchmark."""
        return Claims(self.folder / "claims")

    def results(self) -> list[dict[str, Any]]:
        """The finished runs of the last plan, in its order; all runs there are, where no plan was noted."""
        return self.records()[0]

    def records(self) -> tuple[list[dict[str, Any]], dict[Path, str]]:
        """:meth:`results`, and what is wrong with the files that are damaged.

        Raises:
            ValueError: ``plan.json`` is damaged.
        """
        found: list[dict[str, Any]] = []
        damaged: dict[Path, str] = {}
        keys, metric = self.planned()
        for path in map(self.path, keys or self.every_key()):
            if not path.exists():
                continue
            try:
                found.append(read_record(path))
            except Damaged as damage:
                damaged[path] = str(damage)
        return at_best_epoch(found, metric), damaged

    def note(self, keys: list[str], metric: str | dict[str, str] | None) -> None:
        """Remember which runs the last plan has, and which number it reports."""
        text = json.dumps({"metric": metric, "runs": keys}, indent=1)
        write_whole(self.folder / "plan.json", text)

    def planned(self) -> tuple[list[str] | None, str | dict[str, str] | None]:
        """What :meth:`note` remembered: the runs of the last plan, and its metric.

        Raises:
            ValueError: ``plan.json`` is damaged.
        """
        path = self.folder / "plan.json"
        if not path.exists():
            return None, None
        try:
            noted = read_json(path)
            keys, metric = noted.get("runs", noted.get("cells")), noted.get("metric")
            if not isinstance(keys, list) or not all(isinstance(k, str) and "/" not in k for k in keys):
                raise Damaged("its 'runs' must be a list of keys")
            names = metric.values() if isinstance(metric, dict) else [metric or ""]
            if not all(isinstance(name, str) for name in names):
                raise Damaged(f"its 'metric' is {metric!r:.40}")
        except Damaged as damage:
            raise ValueError(f"{path} is damaged: {damage}; gpool bench writes it again") from None
        return keys, metric
