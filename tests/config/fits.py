"""A configuration of ``gpool fit`` that these tests spoil."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gpool.cli import main

ENCODER = {"class_path": "gpool.models.Encoder", "init_args": {"hidden_channels": 4, "num_layers": 1}}


def fit_config(encoder: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    """A model for coins, with other arguments of its encoder and of the task."""
    inner = {**ENCODER, "init_args": {**ENCODER["init_args"], **(encoder or {})}}
    arguments = {"encoder": inner, "readout": "gpool.GNP", **arguments}
    return {
        "model": {"class_path": "gpool.training.GraphTask", "init_args": arguments},
        "data": {"class_path": "tests.bench.parts.Coins"},
        "trainer": {"max_epochs": 1, "logger": False, "enable_progress_bar": False, "accelerator": "cpu"},
    }


def fit(folder: Path, config: dict[str, Any], *flags: str) -> int:
    """Exit status of ``gpool fit`` on a configuration."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return main(["fit", "--config", str(path), "--trainer.default_root_dir", str(folder), *flags])


def refused(folder: Path, config: dict[str, Any], capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """The one line that a configuration is refused with before anything trains."""
    assert fit(folder, config, *flags) == 2
    assert not list(folder.rglob("*.ckpt"))
    lines = [line for line in capsys.readouterr().err.splitlines() if line and not _of_lightning(line)]
    assert len(lines) == 1, lines
    return lines[0].removeprefix("gpool: ")


def _of_lightning(line: str) -> bool:
    return line.startswith(("Seed set to", "GPU available", "TPU available", "HPU available", "💡"))
