"""Plans: what they may hold, and every mistake in one line before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gpool.bench import Plan, Select, Store, run_plan
from gpool.cli import main
from tests.bench.plans import plan, task


def mistake(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """The one line that a plan is refused with; nothing is written then."""
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(text)
    assert main(["bench", str(path), "--out", str(out), *flags]) == 2
    assert not list(out.rglob("*.json"))
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


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
        ({"trainer": None}, [], "trainer: got None, must be a mapping"),
        ({"folds": 0}, [], "folds: got 0, must be at least 1, or null"),
        ({"folds": -1}, [], "folds: got -1, must be at least 1, or null"),
        ({"folds": []}, [], "folds: got [], must be a number of folds, a list of folds, or null"),
        ({"folds": [0, 0]}, [], "folds: got [0, 0], must be distinct and at least 0"),
        ({"folds": [-1]}, [], "folds: got [-1], must be distinct and at least 0"),
        ({"seeds": [1, 1]}, [], "seeds: got [1, 1], must be distinct"),
        ({"seeds": [-1]}, [], "seeds: got [-1], must be distinct and between 0 and 4294967295"),
        ({"threads": 0}, [], "threads: got 0, must be an integer, at least 1"),
        ({"select": {"patience": 0}}, [], "select.patience: got 0, must be an integer, at least 1"),
        ({"variants": {"v": None}}, [], "variants.v: got None, must be a mapping of keys to values, or {}"),
        (
            {"variants": {"v": {"seed_everything": 1}}},
            [],
            "variants.v: got the key 'seed_everything', must be",
        ),
        (
            {"variants": {"v": {"trainer.max_epochs.x": 1}}},
            [],
            "variants.v: 'trainer.max_epochs.x' does not exist: 2 has no key 'x'",
        ),
        (
            {"data": {"d": None}},
            [],
            "data.d: got None, must be an import path or a mapping with a class_path",
        ),
        ({"readouts": {"r": 5}}, [], "readouts.r: got 5, must be an import path or a mapping"),
        ({"model": {}}, [], "model: got {}, must be an import path or a mapping with a class_path"),
        ({"trainer": {"max_epochs": 0}}, [], "trainer.max_epochs: got 0, which trains nothing"),
        ({}, ["--trainer.max_epochs", "0"], "trainer.max_epochs: got 0, which trains nothing"),
        ({"trainer": {"max_epochs": -1}}, [], "trainer.max_epochs: got -1, which never ends"),
        ({"trainer": {"fast_dev_run": True}}, [], "trainer.fast_dev_run: got True, which would keep"),
        (
            {"variants": {"v": {"trainer.fast_dev_run": True}}},
            [],
            "trainer.fast_dev_run: got True, which would keep",
        ),
        ({"trainer": {"limit_test_batches": 0}}, [], "trainer.limit_test_batches: got 0, which"),
        (
            {"trainer": {"max_epochs": 2, "check_val_every_n_epoch": 3}},
            [],
            "trainer.check_val_every_n_epoch: got 3, which is more than max_epochs=2",
        ),
        ({"readouts": {5: "gpool.GNP"}}, [], "readouts: the name 5 must be text; put it in quotes: '5'"),
        ({"variants": {True: {}}}, [], "variants: the name True must be text; put it in quotes"),
        ({"data": {None: "tests.bench.parts.Coins"}}, [], "data: the name None must be text"),
        ({"readouts": {"": "gpool.GNP"}}, [], "readouts: the name '' must be text without spaces around it"),
        ({"readouts": {"a\nb": "gpool.GNP"}}, [], "readouts: the name 'a\\nb' must be without line breaks"),
        (
            {"variants": {"a": {}, "a, b": {}}, "readouts": {"b, c": "gpool.GNP", "c": "gpool.GNP"}},
            [],
            "variants, readouts: ('a', 'b, c') and ('a, b', 'c') both make the row 'a, b, c'; rename one",
        ),
    ],
)
def test_a_mistake_in_a_plan_is_one_line(
    changes: dict[str, Any],
    flags: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = mistake(yaml.safe_dump(plan(**changes)), tmp_path, capsys, *flags)
    assert line.startswith(f"gpool: {told}")


def test_a_name_that_is_given_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = yaml.safe_dump(plan(readouts={"a": "gpool.GNP"})) + "\n"
    text = text.replace("  a: gpool.GNP\n", "  a: gpool.GNP\n  a: gpool.PowerMean\n")
    assert "the key 'a' is given twice" in mistake(text, tmp_path, capsys)


def test_a_merged_key_may_be_changed(tmp_path: Path) -> None:
    from gpool.bench.plan_file import read_plan

    path = tmp_path / "plan.yaml"
    path.write_text("model: &m {a: 1}\ndata: {<<: *m, a: 2}\n")
    assert read_plan(str(path))["data"] == {"a": 2}


def test_text_in_another_encoding_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes("model: é".encode("latin-1"))
    assert main(["bench", str(path)]) == 2
    assert capsys.readouterr().err == f"gpool: PLAN={path}: must be text in UTF-8\n"


@pytest.mark.parametrize(("mode", "patience"), [("most", None), ("min", 0)])
def test_a_selection_is_checked_in_python_too(mode: Any, patience: int | None) -> None:
    with pytest.raises(ValueError, match=r"select\.(mode|patience): got "):
        Select(mode=mode, patience=patience)


def test_a_plan_may_hold_lists_of_classes(tmp_path: Path) -> None:
    given = task()
    given["init_args"]["pooling"] = [
        {"class_path": "gpool.pooling.SparseCoarsening", "init_args": {"channels": 4}}
    ]
    trainer = {"max_epochs": 1, "callbacks": [{"class_path": "lightning.pytorch.callbacks.Timer"}]}
    described = Plan(**plan(model=given, trainer=trainer, seeds=[0], folds=[0]))
    keys = [run.key for run in described.runs()]
    summary = run_plan(described, Store(tmp_path))
    assert (summary.before, summary.finished, summary.failed) == (0, 2, {})
    assert keys == [run.key for run in described.runs()]
    assert {path.stem for path in (tmp_path / "runs").iterdir()} == set(keys)
    results = Store(tmp_path).results()
    assert [result["config"]["trainer"] for result in results] == [trainer, trainer]
    assert run_plan(described, Store(tmp_path))[:2] == (2, 0)


def test_nothing_is_trained_where_nothing_is_selected(tmp_path: Path) -> None:
    one = plan(trainer={"max_epochs": 0}, select=None, seeds=[0], folds=[0])
    assert run_plan(Plan(**one), Store(tmp_path)).finished == 2
    assert {result["epoch"] for result in Store(tmp_path).results()} == {0}


def test_every_plan_of_the_experiments_is_accepted() -> None:
    from gpool.bench.plan_file import read_plan

    paths = sorted((Path(__file__).parents[2] / "experiments").glob("*.yaml"))
    assert len(paths) > 5
    for path in paths:
        runs = Plan(**read_plan(str(path))).runs()
        assert len({run.key for run in runs}) == len(runs)
