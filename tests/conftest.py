"""Fixtures for all tests: one thread, fixed seeds, and the golden cases where they are at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

torch.set_num_threads(1)

BESIDE = Path(__file__).resolve().parents[1].parent / "shared" / "papers" / "golden"


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    """Reads golden cases from ``$GPOOL_GOLDEN`` or beside the checkout; skips where there are none."""
    folder = Path(os.environ.get("GPOOL_GOLDEN", BESIDE))

    def read(name: str) -> Any:
        path = folder / name
        if not path.is_file():
            pytest.skip(f"golden cases are not at hand: {path}")
        return json.loads(path.read_text())

    return read
