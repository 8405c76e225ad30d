"""Plans, cells, resuming, failures, interruption, and the table against numpy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gpool.bench import Plan, Report, Select, Store, run_plan
from gpool.bench.tables import as_text
from gpool.cli import main
from gpool.training.mistakes import ConfigError

ROOT = Path(__file__).parents[2]
ENCODER = {"class_path": "gpool.models.Encoder", "init_args": {"hidden_channels": 4, "num_layers": 1}}


def task(name: str = "gpool.training.GraphTask") -> dict[str, Any]:
    return {"class_path": name, "init_args": {"encoder": ENCODER}}


def plan(**changes: Any) -> dict[str, Any]:
    return {
        "model": task(),
        "data": {"coins": "tests.bench.parts.Coins"},
        "readouts": {"mean": "torch_geometric.nn.MeanAggregation", "GNP": "gpool.GNP"},
        "folds": [0, 3],
        "seeds": [0, 1],
        "trainer": {"max_epochs": 2},
        **changes,
    }


def numbers(folder: Path) -> dict[str, Any]:
    """All results without what a clock says."""
    found = {path.name: json.loads(path.read_text()) for path in (folder / "cells").glob("*.json")}
    for result in found.values():
        del result["seconds"]
    return found


def test_cells_are_the_product_and_their_configuration_says_all() -> None:
    given = Plan(**plan(variants={"thin": {"model.encoder.hidden_channels": 2}, "wide": {}}))
    cells = given.cells()
    assert len(cells) == len({cell.key for cell in cells}) == 2 * 2 * 2 * 2
    thin = next(c for c in cells if (c.variant, c.readout, c.fold, c.seed) == ("thin", "GNP", 3, 1))
    assert thin.config["seed_everything"] == 1
    assert thin.config["data"] == {"class_path": "tests.bench.parts.Coins", "init_args": {"fold": 3}}
    assert thin.config["model"]["init_args"]["readout"] == {"class_path": "gpool.GNP"}
    assert thin.config["model"]["init_args"]["encoder"]["init_args"]["hidden_channels"] == 2
    assert (
        given.model["init_args"]["encoder"]["init_args"]["hidden_channels"] == 4
    )  # the plan itself is left alone


def test_the_key_tells_apart_whatever_decides_the_result() -> None:
    keys = {
        Plan(**plan(**changes)).cells()[0].key
        for changes in (
            {},
            {"trainer": {"max_epochs": 3}},
            {"select": Select(patience=3)},
            {"select": None},
            {"threads": 2},
            {"model": task("tests.bench.parts.Broken")},
        )
    }
    assert len(keys) == 6


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    summary = run_plan(Plan(**plan()), Store(folder))
    assert (summary.before, summary.finished, summary.failed) == (0, 8, {})
    return folder


def test_what_is_done_is_not_done_again(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (finished / "cells").iterdir()}
    summary = run_plan(Plan(**plan()), Store(finished))
    assert (summary.before, summary.finished) == (8, 0)
    assert before == {path: path.stat().st_mtime_ns for path in (finished / "cells").iterdir()}


def test_numbers_depend_on_neither_jobs_nor_the_day(finished: Path, tmp_path: Path) -> None:
    run_plan(Plan(**plan()), Store(tmp_path), jobs=2)
    assert numbers(tmp_path) == numbers(finished)


def test_report_is_mean_and_deviation_over_folds_and_seeds(finished: Path) -> None:
    store = Store(finished)
    values = [r["metrics"]["test/acc"] for r in store.results() if r["readout"] == "GNP"]
    report = Report(store)
    text = f"{100 * np.mean(values):.2f} ± {100 * np.std(values, ddof=1):.2f} (4)"
    assert f"| GNP | {text} |" in report.markdown()
    assert list(report.cells().index) == ["mean", "GNP"]  # in the plan's order
    paths = report.write()
    assert paths["report.png"].read_bytes()[:4] == b"\x89PNG"
    assert len(paths["results.csv"].read_text().splitlines()) == 9


def test_report_of_another_metric(finished: Path) -> None:
    assert Report(Store(finished), "test/loss").scale == 1
    with pytest.raises(ValueError, match=r"metric='test/auc' was not measured; there are: .*test/acc"):
        Report(Store(finished), "test/auc")


def test_report_leaves_out_what_the_plan_no_longer_has_and_says_what_is_missing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_plan(Plan(**plan(seeds=[0], folds=[0])), store)
    store.note([*store.planned()[0][:1], "missing"], "test/acc")
    report = Report(store)
    assert len(report.runs) == 1
    assert "1 cells of the plan are missing" in report.markdown()


def test_the_tested_weights_are_the_selected_ones(tmp_path: Path) -> None:
    before = set(Path.cwd().iterdir())
    results = {}
    for name, select, epochs in (("best", Select("val/loss", "max"), 6), ("last", None, 6)):
        store = Store(tmp_path / name)
        given = plan(seeds=[0], folds=[0], select=select, trainer={"max_epochs": epochs})
        run_plan(Plan(**given), store)
        results[name] = store.results()[0]
    assert set(Path.cwd().iterdir()) == before  # nothing is left where the command was typed
    assert results["last"]["epoch"] == 6
    assert results["best"]["epoch"] < 6  # the worst validation loss is an early epoch's
    assert results["best"]["metrics"]["val/loss"] > results["last"]["metrics"]["val/loss"]


def test_a_cell_that_fails_is_told_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    variants = {"whole": {}, "broken": {"model.class_path": "tests.bench.parts.Broken"}}
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(plan(variants=variants, seeds=[0], folds=[0])))
    out = tmp_path / "out"
    assert main(["bench", str(path), "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "2 cells finished now, 0 before, 2 failed" in told
    assert "coins, broken, GNP, fold 0, seed 0: RuntimeError: this one always fails" in told
    error = json.loads(next((out / "errors").glob("*.json")).read_text())
    assert "training_step" in error["traceback"]
    assert len(list((out / "cells").iterdir())) == 2


def test_a_worker_that_dies_takes_no_other_cell_down(tmp_path: Path) -> None:
    variants = {"deadly": {"model.class_path": "tests.bench.parts.Deadly"}, "whole": {}}
    given = Plan(**plan(variants=variants, readouts={"GNP": "gpool.GNP"}, seeds=[0], folds=[0]))
    summary = run_plan(given, Store(tmp_path), jobs=2)
    assert summary.finished == 1
    assert list(summary.failed) == ["coins, deadly, GNP, fold 0, seed 0"]


def test_a_mistake_in_any_row_is_told_before_anything_runs(tmp_path: Path) -> None:
    readouts = {
        "mean": "torch_geometric.nn.MeanAggregation",
        "wrong": {"class_path": "gpool.GNP", "init_args": {"r": 1}},
    }
    with pytest.raises(ConfigError, match=r"model.readout.r: no such option of gpool.GNP"):
        run_plan(Plan(**plan(readouts=readouts)), Store(tmp_path))
    assert not list(tmp_path.rglob("*.json"))


def start(path: Path, out: Path, cells: int) -> subprocess.Popen[str]:
    """The benchmark in a process group of its own, running until so many cells are done."""
    command = [sys.executable, "-m", "gpool.cli", "bench", str(path), "--out", str(out)]
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell starts what runs in its background with SIGINT ignored, and that is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 240
    while (
        len(list(out.glob("cells/*.json"))) < cells and time.monotonic() < deadline and running.poll() is None
    ):
        time.sleep(0.02)
    return running


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_interrupted_and_started_again_equals_uninterrupted(finished: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(plan()))
    running = start(path, out, cells=3)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the command and its workers
    _, told = running.communicate(timeout=120)
    done = len(list((out / "cells").glob("*.json")))
    assert running.returncode == 130, told
    assert "the same command runs the rest" in told
    assert 3 <= done < 8
    assert not list((out / "cells").glob(".*"))
    again = subprocess.run(running.args, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{8 - done} cells finished now, {done} before, 0 failed" in again.stderr
    assert numbers(out) == numbers(finished)


def test_terminated_it_leaves_no_worker_behind(tmp_path: Path) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(plan(trainer={"max_epochs": 50})))
    running = start(path, out, cells=1)
    running.terminate()  # the command alone, as a batch system may
    running.communicate(timeout=120)
    assert running.returncode == 143
    deadline = time.monotonic() + 30
    while not group_is_gone(running.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert group_is_gone(running.pid)


@pytest.mark.parametrize(
    ("changes", "flags", "told"),
    [
        ({"readots": {}}, [], "readots: no such key of a plan; did you mean 'readouts'?"),
        ({"data": "Digits"}, [], "data: got 'Digits', must be a mapping of names or keys to values"),
        ({"data": {}}, [], "data: is empty, must name at least one data module"),
        ({"seeds": "one"}, [], "seeds: got 'one', must be a list of at least one integer"),
        ({"select": {"mode": "most"}}, [], "select.mode: got 'most', must be one of 'min', 'max'"),
        ({}, ["--job", "2x"], "jobs: got '2x', must be int"),
        ({}, ["--jobs", "0"], "--jobs=0 must be at least 1"),
        ({}, ["--sseeds", "[0]"], "--sseeds [0]: no such argument; see gpool --help"),
        (
            {"trainer": {"max_epoch": 3}},
            [],
            "trainer.max_epoch: no such option of lightning.pytorch.Trainer; did you mean 'max_epochs'?",
        ),
    ],
)
def test_a_mistake_in_a_plan_is_one_line(
    changes: dict[str, Any], flags: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(plan(**changes)))
    assert main(["bench", str(path), "--out", str(tmp_path / "out"), *flags]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"gpool: {told}")


def test_what_a_task_says_of_its_numbers_stands_in_every_row(tmp_path: Path) -> None:
    run_plan(Plan(**plan(model=task("tests.bench.parts.Told"), seeds=[0], folds=[0])), Store(tmp_path))
    report = Report(Store(tmp_path))
    assert report.markdown().count("| inference |") == 2
    assert list(report.runs["links"]) == [3, 3]
    assert as_text(report).row_count == 2
