"""Engines other than this machine's processes: the same numbers, and runs that were lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gpool.bench import Plan, Store, run_plan
from gpool.bench.engine import engine_of
from gpool.bench.workers import Died
from gpool.cli import main
from gpool.config.mistakes import ConfigError
from tests.bench.inline import Inline
from tests.bench.parts import die
from tests.bench.plans import numbers, plan


@pytest.mark.parametrize("name", ["ray", "slurm"])
def test_an_engine_gives_the_same_numbers(name: str, finished: Path, tmp_path: Path) -> None:
    pytest.importorskip({"ray": "ray", "slurm": "submitit"}[name])
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(plan(folds=[3], seeds=[1])))
    assert main(["bench", str(path), "--out", str(out), "--jobs", "2", "--engine", name]) == 0
    found, local = numbers(out), numbers(finished)
    assert len(found) == 2
    assert found == {name: local[name] for name in found}
    assert not (out / "engine").exists()


@pytest.mark.parametrize("name", ["ray", "slurm"])
def test_a_call_that_is_lost_is_told(name: str, tmp_path: Path) -> None:
    pytest.importorskip({"ray": "ray", "slurm": "submitit"}[name])
    with engine_of(name, 1, 1, tmp_path / "files", {}) as engine:  # type: ignore[arg-type]
        future = engine.start(die)
        assert not engine.free
        while not (done := engine.finished(60)):
            pass
        assert done == [future]
        with pytest.raises(Died, match="was lost"):
            engine.result(future)


@pytest.mark.parametrize("name", ["ray", "slurm"])
def test_options_that_an_engine_does_not_know_are_one_line(name: str, tmp_path: Path) -> None:
    pytest.importorskip({"ray": "ray", "slurm": "submitit"}[name])
    with pytest.raises(ConfigError, match=r"--engine_options: .*speed"):
        engine_of(name, 1, 1, tmp_path / "files", {"speed": 9})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["ray", "submitit"])
def test_an_engine_that_is_not_installed_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, name, None)
    engine = {"ray": "ray", "submitit": "slurm"}[name]
    with pytest.raises(ConfigError, match=rf"--engine={engine} needs .*: pip install 'gpool\[{engine}\]'"):
        engine_of(engine, 1, 1, tmp_path, {})  # type: ignore[arg-type]


class Losing(Inline):
    """Loses the first calls."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self.losses = losses

    def start(self, work: Any, *arguments: Any) -> Any:
        self.losses -= 1
        return super().start(
            (lambda *_: Died("the machine is gone")) if self.losses >= 0 else work, *arguments
        )


@pytest.mark.parametrize(("losses", "failed"), [(1, 0), (2, 1)])
def test_a_run_that_was_lost_is_run_again_once(
    losses: int, failed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpool.bench.runner.Workers", Inline)
    one = Plan(**plan(readouts={"GNP": "gpool.GNP"}, folds=[0], seeds=[0, 1]))
    summary = run_plan(one, Store(tmp_path), engine=Losing(losses))
    assert (summary.finished, len(summary.failed)) == (2 - failed, failed)
    assert len(list((tmp_path / "runs").iterdir())) == 2 - failed
    assert len(list((tmp_path / "errors").glob("*.json"))) == failed
    assert not list((tmp_path / "claims").iterdir())
