"""What is done again and what is not; what is left to do; folders put together; one table of all records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from rich.console import Console

from gpool.bench import Plan, Store, run_plan
from gpool.bench.collected import collect
from gpool.cli import main
from tests.bench.inline import Inline
from tests.bench.plans import folder_of, numbers, plan, record


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpool.bench.runner.Workers", Inline)


def small(**changes: Any) -> dict[str, Any]:
    return plan(**{"seeds": [0], "folds": [0], "trainer": {"max_epochs": 1}, **changes})


def test_a_changed_plan_runs_only_what_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert run_plan(Plan(**small()), store).finished == 2
    readouts = {
        "mean": small()["readouts"]["mean"],
        "GNP": {"class_path": "gpool.GNP", "init_args": {"p": 2.0}},
    }
    assert run_plan(Plan(**small(readouts=readouts, axes=None)), store)[:2] == (1, 1)
    assert run_plan(Plan(**small(seeds=[0, 1])), store)[:2] == (2, 2)


def test_runs_of_other_versions_are_told_and_repeated_where_asked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_plan(Plan(**small()), store)
    path = next(store.runs.iterdir())
    old = json.loads(path.read_text())
    path.write_text(json.dumps({**old, "versions": {**old["versions"], "torch": "1.0"}}))
    for again, told, counts in [
        (False, "are kept; --again repeats them", (2, 0, {})),
        (True, "are repeated", (1, 1, {})),
    ]:
        console = Console(record=True, width=200)
        assert run_plan(Plan(**small()), store, console=console, again=again) == counts
        said = console.export_text()
        assert f"1 finished runs were made by torch 1.0 (now {old['versions']['torch']}): they {told}" in said
    assert json.loads(path.read_text())["versions"] == old["versions"]
    kept = json.loads((tmp_path / "replaced" / path.name).read_text())
    assert kept["versions"]["torch"] == "1.0"  # nothing is lost


def test_a_dry_run_tells_what_is_left_and_how_long_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(small(seeds=[0, 1, 2]), sort_keys=False))
    words = ["bench", str(path), "--out", str(out), "--dry-run"]
    assert main(words) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "coins, mean, fold 0, seed 0"
    assert told[-2:] == [
        "6 runs: 0 done, 6 left",
        "no run is done yet, so that the time is unknown: coins: mean; coins: GNP",
    ]
    assert not out.exists()
    store = Store(out)
    run = Plan(**small(seeds=[0])).runs()[0]
    store.put(run.key, record(readout="mean", seconds=90.0))
    assert main([*words, "--jobs", "2"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "coins, mean, fold 0, seed 1  about 1 min 30 s"
    assert told[-3:] == [
        "6 runs: 1 done, 5 left",
        "about 1 min 30 s for 2 of them, 2 at a time",
        "no run is done yet, so that the time is unknown: coins: GNP",
    ]


def test_folders_are_put_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seeds in (("a", [0, 1]), ("b", [1, 2])):
        run_plan(Plan(**small(seeds=seeds)), Store(tmp_path / name))
    both = run_plan(Plan(**small(seeds=[0, 1, 2])), Store(tmp_path / "both"))
    assert both.finished == 6
    words = ["bench", "merge", str(tmp_path / "a"), str(tmp_path / "b")]
    for taken, there in ((2, 2), (0, 4)):
        assert main(words) == 0
        told = capsys.readouterr().out
        assert told == f"{tmp_path / 'b'}: {taken} runs taken over, {there} there already\n"
    assert numbers(tmp_path / "a") == numbers(tmp_path / "both")
    assert len(Store(tmp_path / "a").results()) == 6
    for key in Store(tmp_path / "a").every_key():
        assert Store(tmp_path / "a").predictions(key) == Store(tmp_path / "both").predictions(key) != None  # noqa: E711
    summary = run_plan(Plan(**small(seeds=[0, 1, 2])), Store(tmp_path / "a"))
    assert summary[:2] == (6, 0)


def test_folders_that_contradict_each_other_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nan = {"test/acc": float("nan")}
    first = folder_of(tmp_path / "a", [record(), record(seed=1, metrics=nan)])
    other = folder_of(tmp_path / "b", [record(metrics={"test/acc": 0.75}), record(seed=1, metrics=nan)])
    (other / "runs" / "run2.json").write_text("{")
    assert main(["bench", "merge", str(first), str(other)]) == 1
    told = capsys.readouterr()
    assert "0 runs taken over, 1 there already" in told.out
    assert told.err.splitlines() == [
        f"left out: {other / 'runs' / 'run0.json'}: {first} has another result of this run, which is kept",
        f"left out: {other / 'runs' / 'run2.json'}: it is damaged: it is not JSON, or cut short",
    ]
    assert Store(first).get("run0") == record()
    assert main(["bench", "merge", str(first), str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_all_records_are_one_table(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "out")
    run_plan(Plan(**small(axes={"depth": {"model.encoder.num_layers": [1, 2]}})), store)
    if there:
        pytest.importorskip("pyarrow")
    else:
        monkeypatch.setattr("gpool.bench.collected.find_spec", lambda name: None)
    path = collect(store, tmp_path / "all.parquet")
    assert path.suffix == (".parquet" if there else ".csv")
    table = pd.read_parquet(path) if there else pd.read_csv(path)
    assert list(table["axis/depth"].astype(str)) == ["1", "1", "2", "2"]
    assert set(table["protocol"]) == {"cv-inner"}
    assert {"test/acc", "val/acc", "peak_memory", "train_seconds", "checksum/split", "version/torch"} <= {
        *table
    }
