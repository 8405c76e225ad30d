"""Files of a benchmark: damaged ones, permissions, links, full disks."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpool.bench import Plan, Report, Store, run_plan
from gpool.bench.whole_file import write_whole
from gpool.cli import main
from tests.bench.plans import folder_of, plan, record

DAMAGED: list[tuple[bytes, str]] = [
    (b"", "it is empty"),
    (b"{}", "it has no 'data'"),
    (b"\x00\xff garbage", "it is not JSON, or cut short"),
    (b"[1, 2]", "it is not a JSON object"),
    (json.dumps(record()).encode()[:-9], "it is not JSON, or cut short"),
    (json.dumps(record(metrics=[])).encode(), "its 'metrics' is []"),
    (json.dumps(record(metrics={"test/acc": "high"})).encode(), "its metric 'test/acc' is 'high'"),
    (json.dumps(record(seed=True)).encode(), "its 'seed' is True"),
    (json.dumps(record(readout=None)).encode(), "its 'readout' is None"),
    (json.dumps(record(described=3)).encode(), "its 'described' is 3"),
]


@pytest.mark.parametrize(("content", "why"), DAMAGED)
def test_a_damaged_record_is_left_out_and_told(content: bytes, why: str, tmp_path: Path) -> None:
    out = folder_of(tmp_path / "out", [record(), record(seed=1)])
    path = out / "runs" / "run1.json"
    path.write_bytes(content)
    assert not Store(out).done("run1")
    report = Report(Store(out))
    assert len(report.runs) == 1
    assert f"Damaged and left out: {path} ({why}); gpool bench runs these again." in report.notes()


def test_a_damaged_record_is_run_again(tmp_path: Path) -> None:
    given = Plan(**plan(seeds=[0], folds=[0]))
    store = Store(tmp_path)
    run_plan(given, store)
    first, second = (tmp_path / "runs" / f"{run.key}.json" for run in given.runs())
    whole = json.loads(first.read_text())
    first.write_text("{}")
    second.write_bytes(b"")
    assert run_plan(given, store) == (0, 2, {})
    assert json.loads(first.read_text())["metrics"] == whole["metrics"]
    assert Report(store).notes() == []


def test_only_damaged_records_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder_of(tmp_path / "out", [record()])
    (out / "runs" / "run0.json").write_text("")
    assert main(["report", str(out)]) == 2
    assert capsys.readouterr().err == (
        f"gpool: DIR={out} holds no finished runs; 1 are damaged; run gpool bench first\n"
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it is empty"),
        ("{}", "its 'runs' must be a list of keys"),
        ('{"metric": 3, "runs": []}', "its 'metric' is 3"),
        ('{"metric": "test/acc", "runs": ["../x"]}', "its 'runs' must be a list of keys"),
    ],
)
def test_a_damaged_plan_is_one_line(
    content: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder_of(tmp_path / "out", [record()])
    (out / "plan.json").write_text(content)
    assert main(["report", str(out)]) == 2
    told = f"gpool: {out / 'plan.json'} is damaged: {why}; gpool bench writes it again\n"
    assert capsys.readouterr().err == told


def test_the_benchmark_writes_a_damaged_plan_again(finished: Path) -> None:
    (finished / "plan.json").write_text("{")
    assert run_plan(Plan(**plan()), Store(finished)).before == 8
    assert len(Store(finished).results()) == 8


def test_records_have_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        Store(tmp_path).put("a", record())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "runs" / "a.json").stat().st_mode) == 0o640


def test_a_report_replaces_links_and_leaves_their_targets_alone(tmp_path: Path) -> None:
    out = folder_of(tmp_path / "out", [record()])
    for name in ("report.md", "results.csv", "report.png"):
        (tmp_path / name).write_text("precious")
        (out / name).symlink_to(tmp_path / name)
    Report(Store(out)).write()
    for name in ("report.md", "results.csv", "report.png"):
        assert (tmp_path / name).read_text() == "precious"
        assert not (out / name).is_symlink()


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpool.bench.whole_file.os.replace", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_whole(tmp_path / "file", "text")
    assert caught.value.filename == str(tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(plan()))
    monkeypatch.setattr("gpool.bench.whole_file.os.replace", full)
    assert main(["bench", str(path), "--out", str(out)]) == 1
    assert capsys.readouterr().err == f"gpool: {out / 'plan.json'}: No space left on device\n"


def test_a_report_that_cannot_be_written_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder_of(tmp_path / "out", [record()])
    monkeypatch.setattr("gpool.bench.whole_file.os.replace", full)
    assert main(["report", str(out)]) == 1
    told = capsys.readouterr()
    assert "| GNP | 50.00 (1) |" in told.out
    assert told.err == f"gpool: {out / 'report.md'}: No space left on device\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(plan()))
    out.mkdir(mode=0o555)
    assert main(["bench", str(path), "--out", str(out)]) == 1
    assert capsys.readouterr().err == f"gpool: {out / 'plan.json'}: Permission denied\n"


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "plan.yaml" / "out"
    path.write_text(yaml.safe_dump(plan()))
    assert main(["bench", str(path), "--out", str(out)]) == 1
    assert capsys.readouterr().err == f"gpool: {out / 'plan.json'}: Not a directory\n"


@pytest.mark.parametrize("planned", [True, False])
def test_results_in_the_old_folder_are_finished_runs(planned: bool, tmp_path: Path) -> None:
    out = folder_of(tmp_path / "out", [record(), record(seed=1)])
    (out / "runs").rename(out / "cells")
    noted = json.loads((out / "plan.json").read_text())
    (out / "plan.json").unlink()
    if planned:
        (out / "plan.json").write_text(json.dumps({"metric": noted["metric"], "cells": noted["runs"]}))
    store = Store(out)
    assert store.done("run0")
    store.put("run1", record(seed=1, metrics={"test/acc": 0.75}))  # a new result hides an old one
    assert [found["metrics"]["test/acc"] for found in store.results()] == [0.5, 0.75]
