"""The plot of a benchmark: every run a dot, every row its mean and standard deviation."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plot"]

LONGEST = 48  # letters of a name
LARGEST = 200  # inches of a side; the canvas ends at 65,536 dots
DOTS = 150  # per inch


def plot(runs: pd.DataFrame, table: pd.DataFrame, labels: Mapping[str, str]) -> bytes:
    """Draw one panel per data set, the rows of the table from top to bottom; a PNG.

    Args:
        runs: every run, with its ``row``, ``data`` and ``value``, NaN where it has none.
        table: ``row``, ``data``, ``mean`` and ``std`` of the values, in the table's order.
        labels: what the values of each data set are, with their unit.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, sets = list(dict.fromkeys(table["row"])), list(dict.fromkeys(table["data"]))
    size = (min(1.5 + 3.5 * len(sets), LARGEST), min(1.2 + 0.42 * len(rows), LARGEST))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for name, panel in zip(sets, panels, strict=True):
        of_set = runs[runs["data"] == name]
        for position, row in enumerate(rows):
            values = of_set.loc[of_set["row"] == row, "value"].dropna()
            panel.plot(values, [position] * len(values), "o", color="#9ec1e0", markersize=4, zorder=1)
        part = table[(table["data"] == name) & table["mean"].notna()]
        heights = [rows.index(row) for row in part["row"]]
        panel.errorbar(
            part["mean"], heights, xerr=part["std"].fillna(0), fmt="o", color="#1f4e79", capsize=3, zorder=2
        )
        panel.set_title(_short(name), parse_math=False)
        panel.set_yticks(range(len(rows)), [_short(row) for row in rows], parse_math=False)
        panel.grid(axis="x", alpha=0.3)
    panels[0].invert_yaxis()  # shared: the first row of the table on top
    told = "dots: runs, bars: mean ± standard deviation"
    if len(set(labels.values())) == 1:
        told = f"{labels[sets[0]]}; {told}"
    else:
        for name, panel in zip(sets, panels, strict=True):
            panel.set_xlabel(labels[name], parse_math=False)
    figure.supxlabel(told, fontsize="medium", parse_math=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DOTS)
    return picture.getvalue()


def _short(name: object) -> str:
    text = str(name)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
