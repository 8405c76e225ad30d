"""A benchmark that is interrupted, ended or killed, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml

from gpool.bench.signals import ending_in_order
from tests.bench.plans import numbers, plan, task

ROOT = Path(__file__).parents[2]


def _by_default() -> None:
    """Signals that whoever started these tests ignores, as a shell's background and nohup do, are heard."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(path: Path, out: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """The benchmark in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "gpool.cli", "bench", str(path), "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **(environment or {})},
        preexec_fn=_by_default,
    )


def wait_for(true: Callable[[], bool], seconds: float = 240) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def group_is_gone(group: int) -> bool:
    """Whether no process of a group is left but those that nobody has asked for their exit status."""
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return False
        except (psutil.Error, ProcessLookupError):
            continue
    return True


def test_interrupted_and_started_again_equals_uninterrupted(finished: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(plan()))
    running = start(path, out)
    assert wait_for(lambda: len(list(out.glob("runs/*.json"))) >= 3 or running.poll() is not None)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the command and its workers
    _, told = running.communicate(timeout=120)
    done = len(list((out / "runs").glob("*.json")))
    assert running.returncode == 130, told
    assert "the same command runs the rest" in told
    assert 3 <= done < 8
    assert not list((out / "runs").glob(".*"))
    again = subprocess.run(running.args, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{8 - done} runs finished now, {done} before, 0 failed" in again.stderr
    assert numbers(out) == numbers(finished)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_ended_it_leaves_no_worker_and_no_file_behind(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    path, mark, scratch = tmp_path / "plan.yaml", tmp_path / "mark", tmp_path / "scratch"
    scratch.mkdir()
    endless = plan(model=task("tests.bench.parts.Marked"), trainer={"max_epochs": 1_000_000})
    path.write_text(yaml.safe_dump(endless))
    running = start(path, tmp_path / "out", {"GPOOL_TEST_MARK": str(mark), "TMPDIR": str(scratch)})
    assert wait_for(lambda: (mark.exists() and mark.read_text().endswith("\n")) or running.poll() is not None)
    assert not group_is_gone(running.pid)
    running.send_signal(number)  # to the command alone, as a batch system may
    assert running.wait(timeout=60) == status
    assert wait_for(lambda: group_is_gone(running.pid), 20)
    running.communicate()
    assert mark.read_text().split()[1].startswith(str(scratch))
    assert not list(scratch.glob("gpool-*"))


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ending_in_order():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert callable(signal.getsignal(signal.SIGTERM))
    finally:
        signal.signal(signal.SIGHUP, before)


def test_two_benchmarks_in_one_folder_share_the_runs(tmp_path: Path) -> None:
    path, out, mark = tmp_path / "plan.yaml", tmp_path / "out", tmp_path / "mark"
    path.write_text(yaml.safe_dump(plan(model=task("tests.bench.parts.Marked"), trainer={"max_epochs": 20})))
    both = [start(path, out, {"GPOOL_TEST_MARK": str(mark)}) for _ in range(2)]
    told = [running.communicate(timeout=240)[1] for running in both]
    assert [running.returncode for running in both] == [0, 0], told
    lines = mark.read_text().splitlines()
    assert len(lines) == 8  # every run was trained once,
    assert len(set(lines)) == 2  # by both
    assert len(list((out / "runs").glob("*.json"))) == 8
    assert not list((out / "claims").iterdir())
