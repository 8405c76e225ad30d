"""All records of a benchmark as one table in a file."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from gpool.bench.names import in_csv
from gpool.bench.store import Store
from gpool.bench.whole_file import write_whole

__all__ = ["collect", "frame"]

PLAIN = ("data", "variant", "readout", "fold", "seed", "protocol", "epoch", "epochs", "parameters", "device")
COSTS = ("seconds", "train_seconds", "epoch_seconds", "test_seconds", "peak_memory")


def frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    """A row per record: its place, its axes as ``axis/NAME``, its metrics, its costs, and what made it."""
    return pd.DataFrame([_row(record) for record in records])


def _row(record: dict[str, Any]) -> dict[str, Any]:
    several = [("axis", "axes"), ("checksum", "checksums"), ("version", "versions")]
    return {
        **{name: record.get(name) for name in PLAIN},
        **record["metrics"],
        **{name: record.get(name) for name in (*COSTS, "commit")},
        **{f"{word}/{k}": v for word, name in several for k, v in (record.get(name) or {}).items()},
    }


def collect(store: Store, path: Path) -> Path:
    """Write the records of the last plan: Parquet where the name ends so and pyarrow is there, else CSV.

    Returns:
        What was written; the name ends in ``.csv`` where it was to be Parquet and pyarrow is missing.
    """
    table = frame(store.results())
    if path.suffix == ".parquet" and find_spec("pyarrow") is not None:
        content = io.BytesIO()
        table.to_parquet(content, index=False)
        write_whole(path, content.getvalue())
        return path
    path = path.with_suffix(".csv") if path.suffix == ".parquet" else path
    write_whole(path, table.map(in_csv).rename(columns=in_csv).to_csv(index=False))
    return path
