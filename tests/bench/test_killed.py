"""A benchmark that is killed at random moments, again and again, and disks that fill up in between.

``GPOOL_KILLS=100`` kills it a hundred times.
"""

from __future__ import annotations

import errno
import io
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gpool.bench import Plan, Store, run_plan
from gpool.bench import whole_file as writer
from tests.bench.inline import Inline
from tests.bench.plans import numbers, plan

KILLS = int(os.environ.get("GPOOL_KILLS", "10"))
SEEDS = [*range(max(12, KILLS))]


def given(seeds: list[int] = SEEDS) -> Plan:
    return Plan(**plan(readouts={"GNP": "gpool.GNP"}, folds=[0], seeds=seeds, trainer={"max_epochs": 1}))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpool.bench.runner.Workers", Inline)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a benchmark finds that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpool.bench.runner.Workers", Inline)
        assert run_plan(given(), Store(folder), console=Console(file=io.StringIO())).finished == len(SEEDS)
    return numbers(folder)


def in_a_process(folder: Path) -> int:
    """Start the benchmark in a process of its own; its number."""
    child = os.fork()
    if child == 0:  # nothing of pytest must run here
        try:
            run_plan(given(), Store(folder), console=Console(file=io.StringIO()))
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def finished(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "runs").glob("*.json") if Store(folder).done(path.stem)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_killed_at_random_moments_nothing_is_lost_or_counted_twice(
    whole: dict[str, Any], tmp_path: Path
) -> None:
    chance, before, killed = random.Random(0), set[str](), 0
    for attempt in range(KILLS):
        children = [in_a_process(tmp_path) for _ in range(1 + attempt % 2)]  # one, or two in one folder
        time.sleep(chance.uniform(0.0, 0.3))
        for child in children:
            os.kill(child, signal.SIGKILL)
        killed += sum(ended(child) == -signal.SIGKILL for child in children)
        now = finished(tmp_path)
        assert before <= now  # what was finished stays so
        assert len(list((tmp_path / "runs").glob("*.json"))) == len(now)  # and no record is half there
        before = now
    assert killed >= KILLS // 2
    children = [in_a_process(tmp_path) for _ in range(2)]
    assert [ended(child) for child in children] == [0, 0]
    assert numbers(tmp_path) == whole
    assert len(Store(tmp_path).results()) == len(SEEDS)
    assert not (tmp_path / "errors").exists()


def test_a_disk_that_fills_up_loses_nothing(
    whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write of the benchmark is the one that the disk refuses, in turn."""
    real, left = os.replace, [0]

    def refusing(*paths: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(*paths)

    monkeypatch.setattr(writer.os, "replace", refusing)
    before = set[str]()
    for writes in (0, 1, 2, 3, 4, 5, 7):
        left[0] = writes
        with pytest.raises(OSError, match="No space left on device") as caught:
            run_plan(given(), Store(tmp_path), console=Console(file=io.StringIO()))
        assert caught.value.filename
        assert before <= finished(tmp_path)
        before = finished(tmp_path)
        assert not [path for path in tmp_path.rglob(".*") if path.is_file()]  # no part of a file is left
    left[0] = 10**6
    run_plan(given(), Store(tmp_path), console=Console(file=io.StringIO()))
    assert numbers(tmp_path) == whole


@pytest.mark.parametrize("garbage", [b"", b"{", b"\x00\xff", b"[]", b'{"runs": 3}', b'{"runs": ["../../x"]}'])
def test_a_garbage_plan_and_a_truncated_record_are_mended(
    garbage: bytes, whole: dict[str, Any], tmp_path: Path
) -> None:
    quietly, few = Console(file=io.StringIO()), given(SEEDS[:2])
    run_plan(few, Store(tmp_path), console=quietly)
    (tmp_path / "plan.json").write_bytes(garbage)
    path = next((tmp_path / "runs").iterdir())
    path.write_bytes(path.read_bytes()[: random.Random(len(garbage)).randrange(path.stat().st_size)])
    assert run_plan(few, Store(tmp_path), console=quietly) == (1, 1, {})
    found = numbers(tmp_path)
    assert found == {name: whole[name] for name in found}
    assert len(Store(tmp_path).results()) == 2
