"""What a report says of its numbers: which are left out, which are shares, which versions made them."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gpool.bench import Report, Store
from gpool.bench.metric import better, is_share, own_metric
from gpool.bench.tables import as_text
from gpool.cli import main
from tests.bench.plans import folder_of, record

ROOT = Path(__file__).parents[2]


def report(tmp_path: Path, records: list[dict[str, Any]], metric: str = "test/acc") -> Report:
    return Report(Store(folder_of(tmp_path / "out", records, metric)))


def values(*numbers: float | None, **changes: Any) -> list[dict[str, Any]]:
    """A run for every number; None is a run that did not measure it."""
    return [
        record(seed=k, metrics={"val/loss": 1.0} if v is None else {"test/acc": v}, **changes)
        for k, v in enumerate(numbers)
    ]


def test_a_run_that_is_left_out_of_a_mean_is_told(tmp_path: Path) -> None:
    found = report(tmp_path, values(0.5, 0.7, math.nan, math.inf, None))
    assert found.cells().to_numpy().tolist() == [["60.00 ± 14.14 (2 of 5)"]]
    assert found.notes() == [
        "coins: 1 of 5 runs did not measure test/acc; there are: test/acc, val/loss.",
        "GNP, coins: test/acc is NaN or infinite in 2 of 5 runs, which are left out of the mean.",
    ]
    assert all(note.replace("_", "") in found.markdown() for note in found.notes())
    found.write()


def test_nothing_is_told_of_what_is_whole(tmp_path: Path) -> None:
    found = report(tmp_path, values(0.5, 0.7))
    assert found.notes() == []
    assert found.cells().to_numpy().tolist() == [["60.00 ± 14.14 (2)"]]


def test_data_of_different_metrics_stand_in_one_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [
        *[
            record(readout=name, metrics={"test/acc": v, "test/auroc": v})
            for name, v in (("a", 0.5), ("b", 0.7))
        ],
        *[
            record(data="lengths", readout=name, metrics={"test/rmse": v})
            for name, v in (("a", 2.0), ("b", 3.0))
        ],
    ]
    out = folder_of(tmp_path / "out", records, None)
    assert main(["report", str(out)]) == 0
    told = capsys.readouterr().out
    assert "|  | coins, test/auroc in % | lengths, test/rmse |" in told
    assert "| a | 50.00 (1) | 2.00 (1) |" in told
    assert Report(Store(out)).best() == {"coins": "b", "lengths": "a"}
    assert (out / "report.png").read_bytes()[:4] == b"\x89PNG"


def test_a_metric_that_one_data_set_lacks_is_told(tmp_path: Path) -> None:
    lengths = [record(data="lengths", seed=k, metrics={"test/mae": 1.0}) for k in range(2)]
    found = report(tmp_path, [*values(0.5, 0.7), *lengths, *values(math.nan, data="broken")])
    assert found.cells().to_numpy().tolist() == [["60.00 ± 14.14 (2)", "-", "-"]]
    assert found.notes() == [
        "lengths: 2 of 2 runs did not measure test/acc; there are: test/mae.",
        "GNP, broken: test/acc is NaN or infinite in 1 of 1 runs, which are left out of the mean.",
    ]


def test_another_metric_has_files_of_its_own(tmp_path: Path) -> None:
    out = folder_of(tmp_path / "out", [record(metrics={"test/acc": 0.5, "test/loss": 0.25})])
    assert main(["report", str(out)]) == 0
    before = {name: (out / name).read_bytes() for name in ("report.md", "report.png")}
    assert main(["report", str(out), "--metric", "test/loss"]) == 0
    assert before == {name: (out / name).read_bytes() for name in before}
    assert "test/loss: mean" in (out / "report-test_loss.md").read_text()
    assert (out / "report-test_loss.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("names", "own"),
    [
        (["val/acc", "test/loss", "test/acc"], "test/acc"),
        (["test/loss", "test/acc", "test/auroc"], "test/auroc"),
        (["test/ap", "test/auc", "test/hits@20"], "test/auc"),
        (["test/mae", "test/rmse"], "test/rmse"),
        (["test/loss", "test/gap"], "test/gap"),
        (["test/loss"], "test/loss"),
        ([], None),
    ],
)
def test_a_data_set_has_a_metric_of_its_own(names: list[str], own: str | None) -> None:
    assert own_metric(names) == own


def test_runs_that_are_all_nan_are_reported(tmp_path: Path) -> None:
    found = report(tmp_path, values(math.nan, math.nan))
    assert found.cells().to_numpy().tolist() == [["-"]]
    found.write()


def test_versions_that_differ_are_told(tmp_path: Path) -> None:
    records = [*values(0.5, 0.6), *values(0.7, versions={"python": "3.11.7", "torch": "2.14.0"})]
    found = report(tmp_path, records)
    assert found.notes() == [
        "The runs were made by different versions of torch: 2.13.0 (2 runs), 2.14.0 (1 runs)."
    ]
    assert "python 3.11.7, torch 2.13.0; python 3.11.7, torch 2.14.0" in found.markdown()


@pytest.mark.parametrize(
    ("metric", "share", "best"),
    [
        ("test/acc", True, "max"),
        ("val/ogb-hits@20", True, "max"),
        ("test/ogb-rocauc", True, "max"),
        ("test/mape", False, "min"),
        ("test/loss", False, "min"),
        ("test/gap", False, None),
        ("test/lapses", False, None),
        ("test/glossary", False, None),
    ],
)
def test_a_metric_is_known_by_its_whole_name(metric: str, share: bool, best: str | None) -> None:
    assert is_share(metric) == share
    assert better(metric) == best


def test_what_selects_an_epoch_says_which_value_is_good() -> None:
    assert better("test/gap", "val/gap", "min") == "min"
    assert better("test/gap", "val/loss", "min") is None


def test_no_percent_of_what_is_no_share(tmp_path: Path) -> None:
    assert report(tmp_path / "mape", [record(metrics={"test/mape": 0.25})], "test/mape").scales == {
        "coins": 1
    }
    assert report(tmp_path / "acc", values(73.4)).scales == {"coins": 1}  # in percent already
    assert report(tmp_path / "share", values(0.734)).scales == {"coins": 100}


def test_the_best_of_a_column_is_bold(tmp_path: Path) -> None:
    records = [record(readout=name, metrics={"test/mae": v}) for name, v in (("a", 2.0), ("b", 1.0))]
    found = report(tmp_path, records, "test/mae")
    assert found.best() == {"coins": "b"}
    styles = [str(cell.style) for cell in as_text(found).columns[1]._cells]  # type: ignore[union-attr]
    assert styles == ["", "bold"]


def test_a_place_is_no_metric(tmp_path: Path) -> None:
    out = folder_of(tmp_path / "out", values(0.5))
    with pytest.raises(ValueError, match=r"metric='seed' was not measured; there are: test/acc"):
        Report(Store(out), "seed")


def test_a_reader_that_has_seen_enough_ends_the_report_quietly(tmp_path: Path) -> None:
    out = folder_of(tmp_path / "out", values(0.5))
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "gpool.cli", "report", str(out)]
    told = subprocess.run(words, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert told.stderr == ""
    assert told.returncode != 0
