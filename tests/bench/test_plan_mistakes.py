"""Mistakes that only building and trying a plan's models can show: one line before the first run trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gpool.bench import Plan, Store, run_plan
from gpool.cli import main
from gpool.config.mistakes import ConfigError
from tests.bench.plans import plan, task
from tests.bench.test_plan import mistake

MEAN = {"mean": "torch_geometric.nn.MeanAggregation"}
ADAM = {"class_path": "torch.optim.Adam"}


def pooling(channels: int) -> list[dict[str, Any]]:
    return [{"class_path": "gpool.SparseCoarsening", "init_args": {"channels": channels, "ratio": 0.5}}]


def adam(rate: float) -> dict[str, Any]:
    given = task()
    given["init_args"]["optimizer"] = {**ADAM, "init_args": {"lr": rate}}
    return given


def coins(**arguments: Any) -> dict[str, Any]:
    return {"coins": {"class_path": "tests.bench.parts.Coins", "init_args": arguments}}


@pytest.mark.parametrize(
    ("changes", "flags", "told"),
    [
        (
            {"readouts": {"r": {"class_path": "gpool.GNP", "init_args": {"channels": 3}}}},
            [],
            "coins, r: model.readout: ",
        ),
        (
            {"readouts": {"h": {"class_path": "gpool.HistoGraph", "init_args": {"heads": 5}}}},
            [],
            "coins, h: heads=5 must divide channels=4",
        ),
        (
            {"variants": {"v": {"model.pooling": pooling(3)}}},
            [],
            "coins, v, mean: model.hierarchy.pooling.0: ",
        ),
        (
            {"variants": {"v": {"model.out_channels": 9}}},
            [],
            "coins, v, mean: model.out_channels: got 9, but the",
        ),
        ({"folds": [0, 12]}, [], "coins, mean: fold=12 must be between 0 and 9 (folds=10)"),
        ({"folds": 3, "data": coins(folds=2)}, [], "coins, mean: fold=2 must be between 0 and 1 (folds=2)"),
        ({"model": adam(-1.0)}, [], "coins, mean: model.optimizer: Invalid learning rate: -1.0"),
        ({"model": adam(float("nan"))}, [], "coins, mean: model.optimizer: Invalid learning rate: nan"),
        ({"data": coins(batch_size="many")}, [], "data.batch_size: got 'many', must be int"),
        (
            {"data": {"c": "tests.config.test_fit_mistakes.Unsound"}},
            [],
            "c, mean: data: graph 3: x has 2 columns, must have 1 as graph 0 has",
        ),
        (
            {},
            ["--model.encoder.num_layer", "2"],
            "model.encoder.num_layer: no such option of gpool.models.Encoder",
        ),
        ({}, ["--model.encoder.conv=gib"], "model.encoder.conv: got 'gib', must be one of 'gin'"),
        ({}, ["--model.task", "regression"], "coins, mean: model.task: got 'regression', but the data"),
        ({}, ["--model.readout", "gpool.GNP"], "model.readout: the plan's readouts say it, run by run"),
        ({}, ["--data.fold", "1"], "data.fold: the plan's folds say it, run by run; change folds"),
        ({}, ["--trainer.max_epochs", "--jobs", "2"], "--trainer.max_epochs: needs a value"),
        ({"metric": {"heads": "test/acc"}}, [], "metric.heads: the plan has no such data set; it has coins"),
        ({"metric": 5}, [], "metric: got '5', must be str or dict or null"),
        ({"metric": {}}, [], "metric: got {}, must name a measured number, or one for each data set"),
        ({"changes": {"seeds": 1}}, [], "changes: got the key 'seeds', must be a dotted key below model"),
    ],
)
def test_a_mistake_is_one_line(
    changes: dict[str, Any],
    flags: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = plan(**{"readouts": MEAN, "folds": [0], "seeds": [0], **changes})
    line = mistake(yaml.safe_dump(given), tmp_path, capsys, *flags)
    assert line.startswith(f"gpool: {told}"), line


def test_a_missing_data_set_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    data = {"class_path": "gpool.data.TU", "init_args": {"name": "NONE", "root": str(tmp_path / "root")}}
    line = mistake(yaml.safe_dump(plan(data={"none": data})), tmp_path, capsys)
    assert line.startswith("gpool: none, GNP: TU data set 'NONE' is not under ")


def test_a_configuration_is_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"seed_everything": 1, "model": task(), "data": {"class_path": "tests.bench.parts.Coins"}}
    line = mistake(yaml.safe_dump(given), tmp_path, capsys)
    path = tmp_path / "plan.yaml"
    assert line == f"gpool: PLAN={path} is a configuration of one run; use: gpool fit --config {path}"


def test_any_key_of_the_configuration_can_be_a_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    variants = {"deep": {"model.encoder.num_layers": 3, "trainer.max_epochs": 9}}
    path.write_text(yaml.safe_dump(plan(variants=variants, readouts=MEAN)))
    flags = ["--model.encoder.num_layers", "2", "--trainer.max_epochs=1", "--data.batch_size", "20"]
    more = [
        "--folds",
        "10",
        "--run",
        "[0, 1]",
        "--seeds",
        "[4, 5]",
        "--model.pooling",
        yaml.safe_dump(pooling(4)).strip(),
    ]
    assert main(["bench", "--out", str(out), str(path), *flags, *more]) == 0
    results = Store(out).results()
    assert sorted((r["fold"], r["seed"]) for r in results) == [(0, 4), (0, 5), (1, 4), (1, 5)]
    for result in results:
        arguments = result["config"]["model"]["init_args"]
        assert arguments["encoder"]["init_args"] == {"hidden_channels": 4, "num_layers": 2}
        assert arguments["pooling"] == pooling(4)
        assert result["config"]["data"]["init_args"]["batch_size"] == 20
        assert result["config"]["trainer"] == {"max_epochs": 1}
    told = capsys.readouterr()
    assert "coins: 2 of its 10 folds are run: 0, 1" in told.err
    assert "over folds 0, 1 and seeds" in told.out


def test_a_flag_alone_makes_the_same_runs_as_the_file() -> None:
    by_flag = Plan(**plan(changes={"trainer.max_epochs": 5}))
    in_file = Plan(**plan(trainer={"max_epochs": 5}))
    assert [run.key for run in by_flag.runs()] == [run.key for run in in_file.runs()]


def test_every_row_is_tried_and_not_only_the_first(tmp_path: Path) -> None:
    readouts = {**MEAN, "wrong": {"class_path": "gpool.GNP", "init_args": {"channels": 9}}}
    with pytest.raises(ConfigError, match=r"^coins, wrong: model\.readout: "):
        run_plan(Plan(**plan(readouts=readouts)), Store(tmp_path), jobs=2)
    assert not list(tmp_path.rglob("*.json"))


def test_an_interrupt_while_the_command_starts_is_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gpool.cli._put_working_folder_last", interrupt)
    assert main(["bench", "plan.yaml"]) == 130
    assert capsys.readouterr().err == ""
