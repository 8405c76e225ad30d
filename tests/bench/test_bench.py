"""Plans, runs, resuming, failures, and the table against numpy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from gpool.bench import Plan, Report, Select, Store, run_plan
from gpool.bench.tables import as_text
from gpool.cli import main
from gpool.config.mistakes import ConfigError
from tests.bench.plans import numbers, plan, task


def test_cells_are_the_product_and_their_configuration_says_all() -> None:
    given = Plan(**plan(variants={"thin": {"model.encoder.hidden_channels": 2}, "wide": {}}))
    runs = given.runs()
    assert len(runs) == len({run.key for run in runs}) == 2 * 2 * 2 * 2
    thin = next(c for c in runs if (c.variant, c.readout, c.fold, c.seed) == ("thin", "GNP", 3, 1))
    assert thin.config["seed_everything"] == 1
    assert thin.config["data"] == {"class_path": "tests.bench.parts.Coins", "init_args": {"fold": 3}}
    assert thin.config["model"]["init_args"]["readout"] == {"class_path": "gpool.GNP"}
    assert thin.config["model"]["init_args"]["encoder"]["init_args"]["hidden_channels"] == 2
    assert (
        given.model["init_args"]["encoder"]["init_args"]["hidden_channels"] == 4
    )  # the plan itself is left alone


def test_the_key_tells_apart_whatever_decides_the_result() -> None:
    keys = {
        Plan(**plan(**changes)).runs()[0].key
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


def test_what_is_done_is_not_done_again(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (finished / "runs").iterdir()}
    summary = run_plan(Plan(**plan()), Store(finished))
    assert (summary.before, summary.finished) == (8, 0)
    assert before == {path: path.stat().st_mtime_ns for path in (finished / "runs").iterdir()}


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
    assert Report(Store(finished), "test/loss").scales == {"coins": 1}
    with pytest.raises(ValueError, match=r"metric='test/auc' was not measured; there are: .*test/acc"):
        Report(Store(finished), "test/auc")


def test_report_leaves_out_what_the_plan_no_longer_has_and_says_what_is_missing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_plan(Plan(**plan(seeds=[0], folds=[0])), store)
    store.note([*store.planned()[0][:1], "missing"], "test/acc")
    report = Report(store)
    assert len(report.runs) == 1
    assert "1 runs of the plan are missing" in report.markdown()


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
    assert "2 runs finished now, 0 before, 2 failed" in told
    assert "coins, broken, GNP, fold 0, seed 0: RuntimeError: this one always fails" in told
    error = json.loads(next((out / "errors").glob("*.json")).read_text())
    assert "training_step" in error["traceback"]
    assert len(list((out / "runs").iterdir())) == 2


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


def test_what_a_task_says_of_its_numbers_stands_in_every_row(tmp_path: Path) -> None:
    run_plan(Plan(**plan(model=task("tests.bench.parts.Told"), seeds=[0], folds=[0])), Store(tmp_path))
    report = Report(Store(tmp_path))
    assert report.markdown().count("| inference |") == 2
    assert list(report.runs["links"]) == [3, 3]
    assert as_text(report).row_count == 2
