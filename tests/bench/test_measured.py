"""Metrics that no run measures: refused before anything trains where the task can say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from gpool.bench import Plan, Report, Store, run_plan
from gpool.bench.measured import measured
from gpool.cli import main
from gpool.models import Encoder
from gpool.readout import GNP
from gpool.training import GraphTask
from gpool.training.link_metrics import LinkMetrics
from tests.bench.parts import Coins, Lengths, Told
from tests.bench.plans import plan, task

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
BOTH = {"coins": "tests.bench.parts.Coins", "lengths": "tests.bench.parts.Lengths"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"metric": "test/foo"},
            "metric: 'test/foo' is not measured on coins; there are: test/acc, test/loss, val/acc, val/loss",
        ),
        (
            {"metric": "test/mae", "data": BOTH},
            "metric: 'test/mae' is not measured on coins; there are: test/acc",
        ),
        (
            {"metric": {"lengths": "test/acc"}, "data": BOTH},
            "metric: 'test/acc' is not measured on lengths; there are: test/loss, test/mae, test/mape, ",
        ),
        (
            {"select": {"monitor": "val/acc", "mode": "max"}, "data": BOTH},
            "select.monitor: 'val/acc' is not logged on lengths; there are: train/loss, val/loss, val/mae",
        ),
        (
            {"select": {"monitor": "val/auc", "mode": "max"}},
            "select.monitor: 'val/auc' is not logged on coins; there are: train/loss, val/acc, val/loss",
        ),
        (
            {"select": {"monitor": "test/acc", "mode": "max"}},
            "select.monitor: got 'test/acc', but the test part selects nothing",
        ),
    ],
)
def test_what_is_not_measured_is_refused_before_anything_trains(
    changes: dict[str, Any], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(plan(**changes)))
    assert main(["bench", str(path), "--out", str(out)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"gpool: {told}")
    assert not list(out.rglob("*.json"))


def test_data_of_different_metrics_have_each_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    readouts = {"mean": "torch_geometric.nn.MeanAggregation"}
    path.write_text(yaml.safe_dump(plan(data=BOTH, seeds=[0], folds=[0], readouts=readouts)))
    assert main(["bench", str(path), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "Each data set's metric: mean ± standard deviation (runs), over folds 0 and seeds" in told
    assert Report(Store(out)).metrics == {"coins": "test/acc", "lengths": "test/rmse"}
    path.write_text(
        yaml.safe_dump(
            plan(data=BOTH, seeds=[0], folds=[0], readouts=readouts, metric={"lengths": "test/mae"})
        )
    )
    assert main(["bench", str(path), "--out", str(out)]) == 0
    found = Report(Store(out))
    assert found.metrics == {"coins": "test/acc", "lengths": "test/mae"}
    assert found.headings == {"coins": "coins, test/acc in %", "lengths": "lengths, test/mae"}


def test_what_only_a_run_can_tell_is_let_through_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    one = plan(model=task("tests.bench.parts.Told"), metric="test/foo", seeds=[0], folds=[0])
    path.write_text(yaml.safe_dump(one))
    assert main(["bench", str(path), "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "metric='test/foo' was not measured; there are: val/loss, val/acc, test/loss, test/acc" in told
    assert f"the runs are kept: gpool report {out} --metric NAME" in told
    assert len(Store(out).results()) == 2
    assert main(["report", str(out), "--metric", "test/acc"]) == 0


@pytest.mark.parametrize("data", [Coins, Lengths])
def test_a_graph_task_measures_what_it_says(data: type[Coins]) -> None:
    module = GraphTask(
        encoder=Encoder(1, hidden_channels=4, num_layers=1),
        readout=GNP(None),
        task=data.task,
        out_channels=2 if data is Coins else 1,
    )
    found = Trainer(**QUIET).test(module, data(), verbose=False)[0]  # type: ignore[arg-type]
    assert {f"test/{name}" for name in measured(module) or ()} == set(found)


def test_a_class_that_inherits_may_measure_more() -> None:
    assert measured(Told(encoder=Encoder(1, hidden_channels=4, num_layers=1), readout=GNP(None))) is None


@pytest.mark.parametrize("evaluator", [None, "ogbl-ddi", "ogbl-citation2", "ogbl-vessel"])
def test_link_metrics_are_those_named(evaluator: str | None) -> None:
    torch.manual_seed(0)
    metrics = LinkMetrics((1, 2), evaluator)
    y = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    metrics.update(torch.randn(6), y, torch.tensor([0, 0, 0, 1, 1, 1]))
    assert set(metrics.compute()) == set(metrics.names())


def test_a_run_without_an_epoch_to_select_says_so(tmp_path: Path) -> None:
    given = plan(trainer={"max_steps": 1}, seeds=[0], folds=[0], readouts={"GNP": "gpool.GNP"})
    summary = run_plan(Plan(**given), Store(tmp_path))  # it ends within the first epoch
    told = "RuntimeError: no epoch can be selected: 'val/loss' was never measured in training"
    assert list(summary.failed.values()) == [told]
