"""``gpool data``: what is there, what is whole, and folds as files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gpool.cli import main
from gpool.data import TU
from gpool.data.files.sums import SUMS
from tests.tu_writer import write_tu


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPOOL_DATA", str(tmp_path))
    write_tu(tmp_path, "SMALL", node_labels=True)
    return tmp_path


def test_what_is_there_and_what_is_missing_is_listed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines["SMALL"][1:3] == ["4", "files,"]
    assert lines["SMALL"][-1] == str(root / "tu" / "SMALL")
    assert lines["MUTAG"][1:] == ["missing", str(root / "tu" / "MUTAG")]
    assert lines["ogbg-molhiv"][1:] == ["missing", str(root / "ogb" / "ogbg_molhiv")]


def test_a_damaged_file_never_passes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check"]) == 0
    assert "SMALL: 20 graphs; no checksums are known" in capsys.readouterr().out
    assert main(["data", "check", "SMALL", "--note"]) == 0
    assert "SMALL: 20 graphs; 4 of 4 files have the checksums noted" in capsys.readouterr().out
    path = root / "tu" / "SMALL" / "raw" / "SMALL_graph_labels.txt"
    path.write_text(path.read_text().replace("-1", "2", 1))  # it can still be read
    assert main(["data", "check", "SMALL", "--note"]) == 1
    assert f"{path} is damaged" in capsys.readouterr().out
    (root / "tu" / "SMALL" / SUMS).write_text("nonsense\n")
    assert main(["data", "check"]) == 1
    assert f"{SUMS}, line 1: 'nonsense' must be a SHA-256" in capsys.readouterr().out


def test_offline_says_what_to_place_where(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "fetch", "MUTAG", "--offline"]) == 1
    told = capsys.readouterr().out
    assert f"MUTAG: TU data set 'MUTAG' is not under {root / 'tu' / 'MUTAG' / 'raw'}" in told
    assert "offline" in told
    assert "place MUTAG_A.txt" in told
    assert "GPOOL_OFFLINE" not in os.environ


def test_folds_are_written_and_read_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = root / "folds.json"
    assert main(["data", "split", "SMALL", "--folds", "5", "--seed", "3", "--out", str(out)]) == 0
    assert f"5 folds of 20 graphs; use data.split_files: {out}" in capsys.readouterr().out
    for fold in range(5):
        drawn = TU("SMALL", fold=fold, folds=5, split_seed=3).split
        read = TU("SMALL", fold=fold, folds=5, split_files=str(out)).split
        assert all(np.array_equal(*parts) for parts in zip(drawn, read, strict=True))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "gpool data needs one of list, check, fetch, split; got ''"),
        (["fetch"], "gpool data fetch needs the NAMES"),
        (["check", "../x"], "name='../x' must be letters"),
        (["split", "SMALL", "--folds", "1"], "--folds=1 must be at least 2"),
        (["split", "SMALL", "--out", "folds.txt"], "--out=folds.txt must end in .json"),
        (["split", "Cora"], "NAME=Cora has a split of its own"),
        (["split", "SMALL", "--folds", "15"], "folds=15 cannot be stratified"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], told: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", *words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]
