"""Names of rows and data sets, in files, on the terminal, in Markdown, in CSV and in the plot."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from gpool.bench import Plan, Report, Store
from gpool.bench.names import in_csv, in_markdown
from gpool.bench.tables import as_text
from gpool.cli import main
from tests.bench.plans import folder_of, plan, record

HARD = [
    "a[/b]",
    "cost $x_{ $",
    "x" * 300,
    "ü" * 200,
    "a b",
    "a_b",
    "[learned]",
    "x|y",
    "<b>x</b>",
    "=1+1",
    "5",
    "yes",
    "../../x",
    ".",
    "-",
    ":boom:",
]


def test_hard_names_run_and_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readouts = dict.fromkeys(HARD, "torch_geometric.nn.MeanAggregation")
    given = plan(data={"[d]": "tests.bench.parts.Coins"}, readouts=readouts, seeds=[0], folds=None)
    given["trainer"] = {"max_epochs": 1}
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(given, allow_unicode=True, sort_keys=False))
    assert main(["bench", str(path), "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert f"{len(HARD)} runs finished now, 0 before, 0 failed" in told.err
    for name in ("a[/b]", "[learned]", "[d]", ":boom:"):
        assert name in told.out
    assert list(Report(Store(out)).cells().index) == HARD
    assert (out / "report.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["report", str(out)]) == 0


def test_a_failed_run_of_a_hard_name_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    variants = {"a[/b]": {"model.class_path": "tests.bench.parts.Broken"}}
    path = tmp_path / "plan.yaml"
    path.write_text(
        yaml.safe_dump(plan(variants=variants, seeds=[0], folds=[0], readouts={"[x]": "gpool.GNP"}))
    )
    assert main(["bench", str(path), "--out", str(tmp_path / "out")]) == 1
    assert "coins, a[/b], [x], fold 0, seed 0: RuntimeError" in capsys.readouterr().err


def test_names_that_look_alike_have_files_of_their_own() -> None:
    names = ["a b", "a_b", "a-b", "a/b", "x" * 300, "x" * 301, "a"]
    keys = [
        run.key
        for name in names
        for run in Plan(**plan(readouts={name: "gpool.GNP"}, seeds=[0], folds=[0])).runs()
    ]
    assert len(set(keys)) == len(names)
    assert all(re.fullmatch(r"[\w.+=-]+", key) and len(key.encode()) < 240 for key in keys)
    both = Plan(data={"a": "D", "a-b": "D"}, model=plan()["model"], variants={"c": {}, "b-c": {}}).runs()
    assert len({run.key for run in both}) == 4


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("a\nb\r\nc", "a<br>b<br>c"),
        ("<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"),
        ("[a](b) `c` *d*", r"\[a\](b) \`c\` \*d\*"),
        ("max_degree _x_ $y$", r"max_degree \_x\_ \$y\$"),
        ("a\\", "a\\\\"),
        ("85.12 ± 4.12 (10)", "85.12 ± 4.12 (10)"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, written: str) -> None:
    assert in_markdown(text) == written


def test_a_spreadsheet_finds_no_formula() -> None:
    assert [in_csv(v) for v in ("=1+1", "+1", "-x", "@y", "\t=1", "a=b", -1.5)] == [
        "'=1+1",
        "'+1",
        "'-x",
        "'@y",
        "'\t=1",
        "a=b",
        -1.5,
    ]


def test_escapes_reach_the_files(tmp_path: Path) -> None:
    told = {"policy": "a|b\nc", "=x": "=2"}
    records = [record(data="<d>|", readout="=1|<i>", described=told, metrics={"test/acc": -0.5})]
    report = Report(Store(folder_of(tmp_path / "out", records)))
    paths = report.write()
    lines = paths["report.md"].read_text().splitlines()
    assert r"|  | policy | =x | &lt;d&gt;\| |" in lines
    assert r"| =1\|&lt;i&gt; | a\|b<br>c | =2 | -50.00 (1) |" in lines
    with paths["results.csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1
    assert rows[0]["row"] == "'=1|<i>"
    assert rows[0]["'=x"] == "'=2"
    assert rows[0]["test/acc"] == "-0.5"


def test_data_may_be_named_like_what_a_task_says(tmp_path: Path) -> None:
    records = [record(data=name, described={"loss": "bce", "seed": "9"}) for name in ("loss", "row")]
    report = Report(Store(folder_of(tmp_path / "out", records)))
    assert "|  | loss | seed | loss | row |" in report.markdown()
    assert "| GNP | bce | 9 | 50.00 (1) | 50.00 (1) |" in report.markdown()
    assert as_text(report).row_count == 1
    assert list(report.runs["seed"]) == [0, 0]
    assert list(report.runs["described/seed"]) == ["9", "9"]


def test_a_plot_of_more_rows_than_a_canvas_holds_is_drawn_smaller(tmp_path: Path) -> None:
    records = [record(readout=f"row {k}") for k in range(1050)]
    report = Report(Store(folder_of(tmp_path / "out", records)))
    assert report.write()["report.png"].read_bytes()[:4] == b"\x89PNG"
