"""Fixtures for all tests: one thread, fixed seeds, and the golden cases."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

torch.set_num_threads(1)

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder whose modules are imported anew, also by the processes of a benchmark."""
    from gpool.bench import workers

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(workers, "_spare", [])
    yield tmp_path
    for executor in workers._spare:
        executor.shutdown(wait=True, kill_workers=True)
    for path in tmp_path.rglob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    """Reads a file of golden cases from ``tests/golden``, or from ``$GPOOL_GOLDEN``."""
    folder = Path(os.environ.get("GPOOL_GOLDEN", GOLDEN))
    return lambda name: json.loads((folder / name).read_text(encoding="utf-8"))
