"""The plot of a benchmark: every run a dot, every row its mean and standard deviation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plot"]


def plot(runs: pd.DataFrame, table: pd.DataFrame, metric: str, scale: float, path: Path) -> None:
    """Draw one panel a data set, the rows of the table from top to bottom, into a PNG.

    Args:
        runs: every run, with its ``row``, ``data`` and the metric.
        table: ``row``, ``data``, ``mean`` and ``std`` of the metric, times ``scale``, in the table's order.
        metric: the number drawn.
        scale: 100 for percentages.
        path: where the PNG goes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, sets = list(dict.fromkeys(table["row"])), list(dict.fromkeys(table["data"]))
    figure = Figure(figsize=(1.5 + 3.5 * len(sets), 1.2 + 0.42 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for name, panel in zip(sets, panels, strict=True):
        of_set = runs[runs["data"] == name]
        for position, row in enumerate(rows):
            values = of_set.loc[of_set["row"] == row, metric] * scale
            panel.plot(values, [position] * len(values), "o", color="#9ec1e0", markersize=4, zorder=1)
        part = table[table["data"] == name]
        heights = [rows.index(row) for row in part["row"]]
        panel.errorbar(
            part["mean"], heights, xerr=part["std"].fillna(0), fmt="o", color="#1f4e79", capsize=3, zorder=2
        )
        panel.set_title(str(name))
        panel.set_yticks(range(len(rows)), rows)
        panel.grid(axis="x", alpha=0.3)
    panels[0].invert_yaxis()  # shared: the first row of the table on top
    unit = " (%)" if scale == 100 else ""
    figure.supxlabel(f"{metric}{unit}; dots: runs, bars: mean ± standard deviation", fontsize="medium")
    figure.savefig(path, dpi=150)
