"""The example of links runs and keeps its own assertions: new pairs of Les Misérables by name."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest


def test_new_links_of_les_miserables(capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "new_links.py"))
    example["main"](epochs=12)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert all(" and " in line and "acquaintances" in line for line in lines[1:])
    scores = [float(line.split()[0]) for line in lines[1:]]
    assert scores == sorted(scores, reverse=True)
