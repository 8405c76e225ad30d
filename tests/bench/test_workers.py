"""Processes of runs: one that dies, the others, and what they find on their path."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import psutil
import pytest
import yaml

from gpool.bench.claims import Claims
from gpool.bench.workers import Died, Workers, hidden_modules
from tests.bench.parts import die, note_and_wait
from tests.bench.plans import plan

ROOT = Path(__file__).parents[2]


def test_a_process_that_dies_is_replaced_beside_the_others(tmp_path: Path) -> None:
    note, until, there = tmp_path / "note", tmp_path / "until", tmp_path
    with Workers(2) as workers:
        long = workers.start(note_and_wait, note, until)
        deadline = time.monotonic() + 60
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        dead = workers.start(die)
        assert not workers.free
        assert workers.finished(60) == [dead]
        with pytest.raises(Died, match="the process was killed"):
            workers.result(dead)
        short = workers.start(note_and_wait, tmp_path / "other", there)
        assert workers.finished(60) == [short]  # side by side with the long one still
        assert not long.done()
        until.touch()
        assert workers.finished(60) == [long]
        assert workers.result(long) != workers.result(short)
    assert note.read_text() == "begun\n"  # it was never begun again


def is_worker(process: psutil.Process) -> bool:
    try:
        return "popen_loky" in " ".join(process.cmdline())
    except psutil.Error:  # it ended while we looked
        return False


def test_an_exception_kills_what_runs(tmp_path: Path) -> None:
    def leave() -> None:
        with Workers(1) as workers:
            started.append(workers.start(note_and_wait, tmp_path / "note", tmp_path / "never"))
            raise RuntimeError("enough")

    def up() -> int:
        children = psutil.Process().children()
        return sum("popen_loky" in " ".join(process.cmdline()) for process in children)

    started: list[Future[int]] = []
    spare = up()
    with pytest.raises(RuntimeError, match="enough"):
        leave()
    assert started[0].done()
    assert up() == max(0, spare - 1)


def test_a_claim_is_one_process_at_a_time_and_leaves_no_file(tmp_path: Path) -> None:
    with Claims(tmp_path / "claims") as mine, Claims(tmp_path / "claims") as theirs:
        assert mine.take("a")
        assert not theirs.take("a")
        assert theirs.take("b")
        mine.drop("a")
        assert theirs.take("a")
    assert not list((tmp_path / "claims").iterdir())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="such files are refused there")
def test_files_beside_a_plan_hide_no_installed_module(tmp_path: Path) -> None:
    command, here = tmp_path / "bin" / "command.py", tmp_path / "here"
    command.parent.mkdir()
    command.write_text("import sys\nfrom gpool.cli import main\nsys.exit(main())\n")
    here.mkdir()
    for name in ("random", "copy", "joblib", "yaml"):
        (here / f"{name}.py").write_text("raise SystemExit(f'{__file__} hides a module')\n")
    (here / "my_module.py").write_text("from torch_geometric.nn import MeanAggregation as Mine\n")
    one = plan(readouts={"mine": "my_module.Mine"}, seeds=[0], folds=[0])
    (here / "plan.yaml").write_text(yaml.safe_dump(one))

    words = [sys.executable, str(command), "bench", "plan.yaml"]
    told = subprocess.run(
        words, cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    assert "1 runs finished now, 0 before, 0 failed" in told.stderr


def test_files_that_would_hide_modules_are_found(tmp_path: Path) -> None:
    for name in ("random.py", "torch.py", "my_module.py", "json/__init__.py", "data/notes.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert hidden_modules(tmp_path) == ["json/__init__.py", "random.py", "torch.py"]
