"""Progress of `gpool bench`: lines in a log file, a bar on a terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from gpool.bench.progress import RunProgress


def told(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> str:
    """What is written of three runs of a plan of five, one of which was finished before."""
    now = iter([0.0, 0.0, 10.0, 30.0, 60.0])
    monkeypatch.setattr("gpool.bench.progress.time.monotonic", lambda: next(now, 60.0))
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=40, _environ={})
    with RunProgress(console, total=5, done=1, metric="test/acc") as progress:
        progress.finished(
            "a set with a long name, mean, seed 0", {"metrics": {"test/acc": 0.75}, "seconds": 9.5}
        )
        progress.finished("b, seed 0", {"error": "ValueError: no"})
        progress.finished("c, [seed] 0", {"metrics": {"test/auc": 0.5}, "seconds": 100.0})
    return file.getvalue()


def test_a_line_per_run_has_metric_time_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, terminal=False).splitlines() == [
        "2/5  a set with a long name, mean, seed 0  test/acc 0.75  took 9.5 s  about 30 s left",
        "3/5  b, seed 0  failed  about 30 s left",
        "4/5  c, [seed] 0  took 1 min 40 s  about 20 s left",
    ]


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    written = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", told(monkeypatch, terminal=True))
    assert "failed: b, seed 0" in written
    assert "4/5" in written
    assert "took" not in written
