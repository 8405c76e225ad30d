"""Fixtures for all tests: one thread, fixed seeds, and the golden cases."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

torch.set_num_threads(1)

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    """Reads a file of golden cases from ``tests/golden``, or from ``$GPOOL_GOLDEN``."""
    folder = Path(os.environ.get("GPOOL_GOLDEN", GOLDEN))
    return lambda name: json.loads((folder / name).read_text(encoding="utf-8"))
