"""Mean and standard deviation of a metric over the runs in a folder, with notes on what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gpool.bench.metric import Metric, better, is_share, metric_of
from gpool.bench.names import file_word, row_label
from gpool.bench.plot import plot
from gpool.bench.store import Store
from gpool.bench.tables import as_csv, as_markdown
from gpool.bench.whole_file import write_whole

__all__ = ["Report"]

PLACE = ("data", "variant", "readout", "fold", "seed", "epoch", "epochs", "seconds")
NAMED = 5  # damaged files that are named one by one


class Report:
    """The table of a benchmark: mean and standard deviation of a metric over folds and seeds.

    Runs whose metric is missing, NaN or infinite are left out of the mean, and :meth:`notes` says how many.

    Args:
        store: the benchmark's results; runs that are no longer in its last plan are left out.
        metric: the number to show; None takes the plan's, or each data set's own where the plan has none.

    Raises:
        ValueError: where there are no results, or none has the metric.
    """

    def __init__(self, store: Store, metric: str | None = None) -> None:
        planned, noted = store.planned()
        self.folder = store.folder
        results, self.damaged = store.records()
        if not results:
            told = f"; {len(self.damaged)} are damaged" if self.damaged else ""
            raise ValueError(f"DIR={store.folder} holds no finished runs{told}; run gpool bench first")
        self.missing = max(0, len(planned or []) - len(results))
        self.runs = pd.DataFrame([_row(result) for result in results])
        sets = self.runs["data"]
        self.known = {
            name: list(dict.fromkeys(m for r in results if r["data"] == name for m in r["metrics"]))
            for name in sets.unique()
        }
        self.metrics = {name: _chosen(name, self.known, metric or noted) for name in self.known}
        self.stem = "report" if metric is None else f"report-{file_word(metric)}"
        self.measured = [self.metrics[result["data"]] in result["metrics"] for result in results]
        values = [float(result["metrics"].get(self.metrics[result["data"]], np.nan)) for result in results]
        self.values = pd.Series(values).replace([np.inf, -np.inf], np.nan)
        select = results[0]["select"] or {}
        rule = (select.get("monitor"), select.get("mode"))
        self.better = {name: better(of_set, *rule) for name, of_set in self.metrics.items()}
        large = set(sets[self.values > 1])
        large = {
            name for name in self.metrics if any(self.metrics[name] == self.metrics[other] for other in large)
        }
        self.scales = {
            name: 100.0 if is_share(of_set) and name not in large else 1.0
            for name, of_set in self.metrics.items()
        }
        self.scaled = self.values * sets.map(self.scales)
        self.versions = [result["versions"] for result in results]
        self.described = pd.DataFrame([result.get("described", {}) for result in results])

    @property
    def labels(self) -> dict[str, str]:
        """The metric of every data set and its unit."""
        return {name: m + (" in %" if self.scales[name] == 100 else "") for name, m in self.metrics.items()}

    @property
    def headings(self) -> dict[str, str]:
        """The heading of every data set's column, with its metric where the metrics differ."""
        labels = self.labels
        alike = len(set(labels.values())) == 1
        return {name: name if alike else f"{name}, {label}" for name, label in labels.items()}

    @property
    def table(self) -> pd.DataFrame:
        """One line for each row of the table and data set: mean, deviation, number of values and of runs."""
        runs = self.runs[["row", "data"]].assign(value=self.scaled)
        grouped = runs.groupby(["row", "data"], sort=False)["value"]
        return grouped.agg(["mean", "std", "count", "size"]).rename(columns={"size": "runs"}).reset_index()

    def cells(self) -> pd.DataFrame:
        """The table as printed: a row for each readout, a column for each data set."""
        table = self.table
        numbers = table[["mean", "std", "count", "runs"]].itertuples(index=False)
        table["cell"] = [_cell(*values) for values in numbers]
        wide = table.pivot(index="row", columns="data", values="cell")
        return wide.reindex(index=_once(table["row"]), columns=_once(table["data"])).fillna("-")

    def said(self) -> dict[str, list[str]]:
        """Descriptions of its results by the task, such as who saw the validation links, for every row."""
        rows = self.runs["row"]
        return {
            str(name): [" / ".join(_texts(words[rows == row])) for row in _once(rows)]
            for name, words in self.described.items()
            if _texts(words)
        }

    def best(self) -> dict[str, str]:
        """The row of the best mean of every data set that has one."""
        table = self.table.dropna(subset=["mean"])
        found = {}
        for name, means in table.set_index("row").groupby("data")["mean"]:
            if (good := self.better[str(name)]) is not None:
                found[str(name)] = str(means.idxmin() if good == "min" else means.idxmax())
        return found

    @property
    def title(self) -> str:
        """The metric, its unit, and how runs are summarized."""
        labels = set(self.labels.values())
        what = labels.pop() if len(labels) == 1 else "Each data set's metric"
        folds = [int(fold) for fold in _once(self.runs["fold"].dropna())]
        over = f"folds {', '.join(map(str, sorted(folds)))} and seeds" if folds else "seeds"
        return f"{what}: mean ± standard deviation (runs), over {over}"

    def notes(self) -> list[str]:
        """Warnings for the reader of the table, one sentence each."""
        told = [f"Incomplete: {self.missing} runs of the plan are missing."] if self.missing else []
        if self.damaged:
            files = [f"{path} ({why})" for path, why in self.damaged.items()]
            rest = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
            told.append(
                f"Damaged and left out: {', '.join(files[:NAMED])}{rest}; gpool bench runs these again."
            )
        return [*told, *self._left_out(), *_mixed(self.versions)]

    def _left_out(self) -> list[str]:
        """Runs that are not in a mean, and why."""
        told = []
        runs = self.runs[["row", "data"]].assign(measured=self.measured, gone=self.values.isna())
        for data, group in runs.groupby("data", sort=False):
            without = int((~group["measured"]).sum())
            if without:
                there = ", ".join(self.known[data]) or "none"
                told.append(
                    f"{data}: {without} of {len(group)} runs did not measure {self.metrics[str(data)]}; "
                    f"there are: {there}."
                )
        for place, group in runs.groupby(["row", "data"], sort=False):
            broken = int((group["measured"] & group["gone"]).sum())
            if broken:
                where, shares = ", ".join(map(str, place)), f"{broken} of {len(group)} runs"
                metric = self.metrics[place[1]]
                told.append(
                    f"{where}: {metric} is NaN or infinite in {shares}, which are left out of the mean."
                )
        return told

    def made(self) -> str:
        """The versions that the runs were made by."""
        return "; ".join(_written(versions) for versions in _distinct(self.versions))

    def markdown(self) -> str:
        """The table in Markdown, with the versions it was made by."""
        return as_markdown(self)

    def write(self) -> dict[str, Path]:
        """Write report.md, results.csv and report.png into the benchmark's folder; their paths.

        A report of another metric than the plan's has its name in place: ``report-test_loss.md``.

        Raises:
            OSError: the folder or the disk refuses; it names the file.
        """
        paths = {name: self.folder / name for name in (f"{self.stem}.md", "results.csv", f"{self.stem}.png")}
        runs = self.runs.assign(value=self.scaled)
        picture = plot(runs, self.table, self.labels)
        contents: list[str | bytes] = [self.markdown(), as_csv(self.runs), picture]
        for path, content in zip(paths.values(), contents, strict=True):
            write_whole(path, content)
        return paths


def _chosen(data: str, known: Mapping[str, list[str]], wanted: Metric) -> str:
    """The metric that a data set is reported by.

    Raises:
        ValueError: the metric that is wanted was not measured.
    """
    metric = metric_of(data, wanted, known[data]) or "test/loss"
    there = (
        known[data] if isinstance(wanted, Mapping) else _once(m for names in known.values() for m in names)
    )
    if wanted is not None and metric not in there:
        raise ValueError(f"metric={metric!r} was not measured; there are: {', '.join(there)}")
    return metric


def _row(result: dict[str, Any]) -> dict[str, Any]:
    place = {"row": row_label(result["variant"], result["readout"]), **{key: result[key] for key in PLACE}}
    more = [("described", result.get("described", {})), ("metrics", result["metrics"])]
    return {
        **place,
        **{f"{kind}/{k}" if k in place else k: v for kind, said in more for k, v in said.items()},
    }


def _texts(values: Iterable[Any]) -> list[str]:
    return _once(value for value in values if isinstance(value, str))


def _cell(mean: float, std: float, count: float, runs: float) -> str:
    if count == 0:
        return "-"
    spread = f" ± {std:.2f}" if count > 1 else ""
    return f"{mean:.2f}{spread} ({int(count)}{f' of {int(runs)}' if count < runs else ''})"


def _mixed(versions: list[Mapping[str, str]]) -> list[str]:
    """Which versions of what the runs were made by, where they differ."""
    names = list(dict.fromkeys(name for each in versions for name in each))
    told = []
    for name in names:
        numbers = [str(each.get(name)) for each in versions]
        if len(set(numbers)) > 1:
            counted = ", ".join(f"{number} ({numbers.count(number)} runs)" for number in _once(numbers))
            told.append(f"The runs were made by different versions of {name}: {counted}.")
    return told


def _written(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _distinct(versions: list[Mapping[str, str]]) -> list[Mapping[str, str]]:
    return list({_written(each): each for each in versions}.values())


def _once(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
