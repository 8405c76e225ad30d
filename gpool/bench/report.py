"""From a folder of results to a table (text, Markdown, CSV) and a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from gpool.bench.plot import plot
from gpool.bench.store import Store

__all__ = ["Report", "as_text"]

PERCENT = ("acc", "auroc", "ap", "auc", "hits", "mrr")


class Report:
    """The table of a benchmark: mean and standard deviation of a metric over folds and seeds.

    Args:
        store: the benchmark's results; cells that are no longer in its last plan are left out.
        metric: the number to show; None takes the plan's.

    Raises:
        ValueError: where there are no results, or none has the metric.
    """

    def __init__(self, store: Store, metric: str | None = None) -> None:
        planned, noted = store.planned()
        self.folder = store.folder
        self.metric = metric or noted
        results = store.results()
        if not results:
            raise ValueError(f"DIR={store.folder} holds no finished cells; run gpool bench first")
        self.missing = max(0, len(planned or []) - len(results))
        self.runs = pd.DataFrame([_row(result) for result in results])
        if self.metric not in self.runs:
            known = ", ".join(name for name in self.runs.columns if "/" in name)
            raise ValueError(f"metric={self.metric!r} was not measured; there are: {known}")
        self.scale = 100.0 if any(word in self.metric.split("/")[-1] for word in PERCENT) else 1.0
        self.versions = results[0]["versions"]
        said = {name: value for result in results for name, value in result.get("described", {}).items()}
        self.described = [name for name, value in said.items() if isinstance(value, str)]

    @property
    def table(self) -> pd.DataFrame:
        """One line for each row of the table and data set: mean, standard deviation and number of runs."""
        grouped = self.runs.groupby(["row", "data"], sort=False)[self.metric]
        return (grouped.agg(["mean", "std", "count"]) * [self.scale, self.scale, 1]).reset_index()

    def cells(self) -> pd.DataFrame:
        """The table as printed: a row for each readout, a column for each data set."""
        table = self.table
        table["cell"] = [_cell(*values) for values in table[["mean", "std", "count"]].itertuples(index=False)]
        wide = table.pivot(index="row", columns="data", values="cell")
        return wide.reindex(index=_once(table["row"]), columns=_once(table["data"])).fillna("-")

    def printed(self) -> pd.DataFrame:
        """The table, with what the task says of its numbers, such as who saw the validation links."""
        wide = self.cells()
        for place, name in enumerate(self.described):
            said = self.runs.groupby("row")[name].agg(lambda v: " / ".join(_once(v.dropna())))
            wide.insert(place, name, said.reindex(wide.index))
        return wide

    @property
    def title(self) -> str:
        """What the numbers are."""
        unit = " in %" if self.scale == 100 else ""
        return f"{self.metric}{unit}: mean ± standard deviation (runs), over folds and seeds"

    def markdown(self) -> str:
        """The table in Markdown, with the versions it was made by."""
        wide = self.printed()
        head = ["", *map(str, wide.columns)]
        lines = [
            head,
            ["---"] * len(head),
            *([str(row), *map(str, cells)] for row, cells in zip(wide.index, wide.values, strict=True)),
        ]
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        made = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return f"{self.title}\n\n{text}\n\n{self.note()}{made}\n"

    def note(self) -> str:
        """What a reader must know before the numbers are used."""
        return f"Incomplete: {self.missing} cells of the plan are missing. " if self.missing else ""

    def write(self) -> dict[str, Path]:
        """Write report.md, results.csv and report.png into the benchmark's folder; their paths."""
        paths = {name: self.folder / name for name in ("report.md", "results.csv", "report.png")}
        paths["report.md"].write_text(self.markdown(), encoding="utf-8")
        self.runs.to_csv(paths["results.csv"], index=False)
        plot(self.runs, self.table, self.metric, self.scale, paths["report.png"])
        return paths


def as_text(report: Report) -> Table:
    """The table for a terminal, the best mean of each column in bold."""
    wide, table = report.printed(), report.table
    best = {name: _best(group, report.metric) for name, group in table.groupby("data")}
    text = Table()
    text.add_column("")
    for name in wide.columns:
        text.add_column(str(name), justify="right")
    for row, cells in wide.iterrows():
        marked = [
            f"[bold]{c}[/bold]" if best.get(d) == row else c for d, c in zip(wide.columns, cells, strict=True)
        ]
        text.add_row(str(row), *marked)
    return text


def _best(group: pd.DataFrame, metric: str) -> Any:
    small = any(word in metric for word in ("loss", "mae", "rmse", "mape"))
    means = group.set_index("row")["mean"]
    return means.idxmin() if small else means.idxmax()


def _row(result: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in (result["variant"], result["readout"]) if name]
    place = {
        key: result[key]
        for key in ("data", "variant", "readout", "fold", "seed", "epoch", "epochs", "seconds")
    }
    return {"row": ", ".join(names) or "model", **place, **result.get("described", {}), **result["metrics"]}


def _cell(mean: float, std: float, count: float) -> str:
    spread = f" ± {std:.2f}" if count > 1 else ""
    return f"{mean:.2f}{spread} ({int(count)})"


def _once(values: pd.Series[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
