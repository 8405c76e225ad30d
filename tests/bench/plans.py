"""Plans and records that the tests of benchmarks share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ENCODER = {"class_path": "gpool.models.Encoder", "init_args": {"hidden_channels": 4, "num_layers": 1}}
CLOCK = ("seconds", "train_seconds", "epoch_seconds", "test_seconds", "peak_memory")


def task(name: str = "gpool.training.GraphTask") -> dict[str, Any]:
    return {"class_path": name, "init_args": {"encoder": ENCODER}}


def plan(**changes: Any) -> dict[str, Any]:
    return {
        "model": task(),
        "data": {"coins": "tests.bench.parts.Coins"},
        "readouts": {"mean": "torch_geometric.nn.MeanAggregation", "GNP": "gpool.GNP"},
        "folds": [0, 3],
        "seeds": [0, 1],
        "trainer": {"max_epochs": 2},
        **changes,
    }


def numbers(folder: Path) -> dict[str, Any]:
    """All results without what a clock says."""
    found = {path.name: json.loads(path.read_text()) for path in (folder / "runs").glob("*.json")}
    for result in found.values():
        for name in CLOCK:
            del result[name]
    return found


def record(**changes: Any) -> dict[str, Any]:
    """The result of a run, as it stands in its file."""
    return {
        "data": "coins",
        "variant": "",
        "readout": "GNP",
        "fold": None,
        "seed": 0,
        "select": {"monitor": "val/loss", "mode": "min", "patience": None},
        "threads": 1,
        "config": {},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "metrics": {"test/acc": 0.5, "val/acc": 0.5},
        "epoch": 1,
        "epochs": 1,
        "seconds": 0.1,
        **changes,
    }


def folder_of(folder: Path, records: list[dict[str, Any]], metric: str | None = "test/acc") -> Path:
    """The folder of a benchmark with these records."""
    (folder / "runs").mkdir(parents=True)
    keys = [f"run{k}" for k in range(len(records))]
    for key, held in zip(keys, records, strict=True):
        (folder / "runs" / f"{key}.json").write_text(json.dumps(held))
    (folder / "plan.json").write_text(json.dumps({"metric": metric, "runs": keys}))
    return folder
