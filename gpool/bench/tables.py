"""A report as text for a terminal, as Markdown and as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from gpool.bench.names import in_csv, in_markdown

if TYPE_CHECKING:
    import pandas as pd

    from gpool.bench.report import Report

__all__ = ["as_csv", "as_markdown", "as_text"]


def as_text(report: Report) -> Table:
    """The table for a terminal, the best mean of each column in bold."""
    best, said, wide = report.best(), report.said(), report.cells()
    text = Table()
    text.add_column("")
    for name in [*said, *map(report.headings.get, wide.columns)]:
        text.add_column(Text(str(name)), justify="right")
    for place, row in enumerate(wide.index):
        words = [Text(column[place]) for column in said.values()]
        cells = [
            Text(str(cell), "bold" if best.get(data) == row else "")
            for data, cell in zip(wide.columns, wide.iloc[place], strict=True)
        ]
        text.add_row(Text(str(row)), *words, *cells)
    return text


def as_markdown(report: Report) -> str:
    """The table in Markdown, its notes, and the versions it was made by."""
    said, wide = report.said(), report.cells()
    head = ["", *said, *(report.headings[name] for name in wide.columns)]
    lines = [
        [str(row), *(column[place] for column in said.values()), *map(str, wide.iloc[place])]
        for place, row in enumerate(wide.index)
    ]
    written = [[in_markdown(cell) for cell in line] for line in (head, *lines)]
    written.insert(1, ["---"] * len(head))
    table = "\n".join(f"| {' | '.join(line)} |" for line in written)
    notes = "".join(f"- {in_markdown(note)}\n" for note in report.notes())
    parts = [in_markdown(report.title), table, notes, in_markdown(report.made())]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def as_csv(runs: pd.DataFrame) -> str:
    """Every run as a line of CSV; text that a spreadsheet would take for a formula gets an apostrophe."""
    return runs.map(in_csv).rename(columns=in_csv).to_csv(index=False)
