"""What `gpool new` writes, as it is: files, and that they train."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from gpool.cli import main
from gpool.starter import kinds

ROOT = Path(__file__).parents[2]


def test_there_is_one_for_each_kind_of_label() -> None:
    assert kinds() == ["graph", "links", "nodes"]


@pytest.mark.parametrize("kind", kinds())
def test_files_are_copied_and_named(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "a" / "b"
    assert main(["new", kind, str(folder)]) == 0
    told = capsys.readouterr().out.splitlines()
    written = sorted(folder.iterdir())
    assert told[: len(written)] == [str(path) for path in written]
    assert {"fit.yaml", "plan.yaml"} < {path.name for path in written}
    for path in written:
        assert path.read_text() == (ROOT / "gpool" / "starter" / kind / path.name).read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["new", "graphs"], "gpool: KIND='graphs' must be one of graph, links, nodes"),
        (["new"], "gpool: needs kind"),
        (["new", "graph"], "gpool: DIR=. has fit.yaml already; nothing was written, name another DIR"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fit.yaml").write_text("mine")
    assert main(words) == 2
    assert capsys.readouterr().err == told + "\n"
    assert [path.name for path in tmp_path.iterdir()] == ["fit.yaml"]
    assert Path("fit.yaml").read_text() == "mine"


def test_the_own_readout_has_the_properties_of_gpools() -> None:
    from gpool.starter.graph.my_graphs import GatedMean
    from gpool.testing import Subject, check

    report = check(Subject(GatedMean(8), channels=8))
    assert report, report


def test_every_file_of_a_starter_is_in_the_package() -> None:
    for kind in kinds():
        assert find_spec(f"gpool.starter.{kind}") is not None  # so that setuptools finds it, too
    listed = (ROOT / "pyproject.toml").read_text()
    assert '"starter/*/*.yaml", "starter/*/*.py"' in listed


@pytest.mark.parametrize("kind", kinds())
def test_it_trains_and_compares_as_it_is(kind: str, own_folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["new", kind]) == 0
    assert main(["fit", "--config", "fit.yaml", "--trainer.max_epochs", "2"]) == 0
    assert "epoch 2/2" in capsys.readouterr().out
    assert Path("checkpoints/best.ckpt").is_file()
    fold = ["--folds" if kind == "links" else "--run", "[3]"]
    assert main(["bench", "plan.yaml", "--trainer.max_epochs", "1", *fold]) == 0
    assert re.search("^│ own +│", capsys.readouterr().out, flags=re.MULTILINE)
