"""The example of distractors runs and keeps its own assertions: who finds a tenth of the nodes."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[1] / "examples" / "distractors.py"))


def test_of_some_readouts(example: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    names = ["mean", "QueryAttention, mean query", "TokenGraph"]
    example["main"](["--readouts", *names])
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith(tuple(names))]
    assert [row.count("*") for row in rows] == [0, 1, 2]


def test_a_training_is_repeatable(example: dict[str, Any]) -> None:
    first, again = (example["accuracy"]("max", 0.9, "marked", 3) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_the_share_of_distractors_is_what_is_said(example: dict[str, Any], share: float) -> None:
    """The mark tells the signal nodes: 1 +- 0.3 against 0 +- 0.3."""
    x, index, label = example["graphs"](2000, share, "marked", torch.Generator().manual_seed(0))
    size = torch.bincount(index)
    assert size.min() == 30 and size.max() == 50  # noqa: PT018
    signal = x[:, 1] > 0.5
    assert abs(float(signal.float().mean()) - (0.952 * (1 - share) + 0.048 * share)) < 0.01
    clear = x[:, 1] > 1.2  # no distractor, but one in thirty thousand
    right = (x[clear, 0] > 0) == label[index[clear]].bool()
    assert float(right.float().mean()) > 0.99


@pytest.mark.slow
def test_of_all_readouts(example: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    example["main"]([])
    assert len(capsys.readouterr().out.splitlines()) == 4 + len(example["READOUTS"])
