"""A benchmark that is done, for the tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpool.bench import Plan, Store, run_plan
from tests.bench.plans import plan


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    summary = run_plan(Plan(**plan()), Store(folder))
    assert (summary.before, summary.finished, summary.failed) == (0, 8, {})
    return folder
