"""``gpool predict`` as a user types it: from a checkpoint alone to a table of their own labels."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch_geometric.data import Data

import gpool.data
from gpool.cli import main
from gpool.data import Links
from gpool.link import DotProduct
from gpool.models import Encoder
from gpool.training import GraphTask, LinkTask
from tests.config.labeled import Named, Unlabeled

CONFIG = {
    "model": {
        "class_path": "gpool.training.GraphTask",
        "init_args": {
            "encoder": {
                "class_path": "gpool.models.Encoder",
                "init_args": {"hidden_channels": 8, "num_layers": 2},
            },
            "readout": "gpool.GNP",
        },
    },
    "data": {"class_path": "tests.config.labeled.Named", "init_args": {"batch_size": 16}},
    "trainer": {
        "max_epochs": 2,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "accelerator": "cpu",
    },
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("fit")
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    root = ["--trainer.default_root_dir", str(folder)]
    assert main(["fit", "--config", str(folder / "config.yaml"), *root]) == 0
    (path,) = folder.rglob("*.ckpt")
    return str(path)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(path: str | Path = "predictions.csv") -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def one_line(words: list[str], capsys: pytest.CaptureFixture) -> str:
    capsys.readouterr()
    assert main(words) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1, told
    return told[0].removeprefix("gpool: ")


def test_the_checkpoint_alone_predicts_all_graphs(checkpoint: str) -> None:
    assert main(["predict", "--ckpt_path", checkpoint]) == 0
    rows = table()
    assert list(rows[0]) == ["id", "part", "label", "prediction", "probability_tail", "probability_head"]
    data, task = Named(), gpool.load(checkpoint).eval()
    assert [row["id"] for row in rows] == [f"coin {k}" for k in range(60)]
    assert [row["part"] for row in rows] == data.part_of
    assert [row["label"] for row in rows] == [("tail", "head")[int(g.y)] for g in data.graphs]
    wanted = torch.cat([task(batch) for batch in data.predict_dataloader()]).softmax(1)
    found = torch.tensor([[float(row["probability_tail"]), float(row["probability_head"])] for row in rows])
    torch.testing.assert_close(found, wanted.detach())
    assert [row["prediction"] for row in rows] == [("tail", "head")[k] for k in wanted.argmax(1).tolist()]
    right = [row["prediction"] == row["label"] for row in rows]
    assert sum(right) > 30  # the labels are not turned around


def test_other_data_and_another_place(checkpoint: str) -> None:
    words = ["--data", "tests.bench.parts.Coins", "--data.batch_size", "7", "--out", "new/folder/table.csv"]
    if not hasattr(gpool.data.GraphData, "part_of"):  # whose loader has the test part only
        words[1] = "tests.config.labeled.Named"
    assert main(["predict", "--ckpt_path", checkpoint, *words]) == 0
    assert len(table("new/folder/table.csv")) == 60


def test_new_graphs_without_labels(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(gpool.data, "NewGraphs", Unlabeled, raising=False)
    edge_index = torch.tensor([[0, 1], [1, 0]])
    torch.save([Data(torch.randn(2, 1), edge_index) for _ in range(5)], "new.pt")
    assert main(["predict", "--ckpt_path", checkpoint, "--source", "new.pt"]) == 0
    rows = table()
    assert list(rows[0]) == ["id", "prediction", "probability_tail", "probability_head"]
    assert [row["id"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert {row["prediction"] for row in rows} <= {"tail", "head"}
    torch.save([Data(torch.randn(2, 3), edge_index)], "wide.pt")
    words = ["predict", "--ckpt_path", checkpoint, "--source", "wide.pt", "--out", "other.csv"]
    assert one_line(words, capsys) == "data: x has 3 features, it must have 1, as the graphs trained on"
    assert not Path("other.csv").exists()


def test_an_old_table_is_kept_unless_that_is_said(checkpoint: str, capsys: pytest.CaptureFixture) -> None:
    Path("predictions.csv").write_text("mine")
    words = ["predict", "--ckpt_path", checkpoint]
    told = "--out=predictions.csv is there already; --overwrite writes over it"
    assert one_line(words, capsys) == told
    assert Path("predictions.csv").read_text() == "mine"
    assert main([*words, "--overwrite"]) == 0
    assert len(table()) == 60
    assert [path.name for path in Path().iterdir()] == ["predictions.csv"]


def test_a_configuration_names_task_and_data_too(checkpoint: str, capsys: pytest.CaptureFixture) -> None:
    Path("config.yaml").write_text(yaml.safe_dump(CONFIG))
    configured = ["predict", "--config", "config.yaml"]
    assert main([*configured, "--ckpt_path", checkpoint, "--out", "a.csv"]) == 0
    assert main(["predict", "--ckpt_path", checkpoint, "--out", "b.csv"]) == 0
    assert table("a.csv") == table("b.csv")
    told = "--ckpt_path: give either a checkpoint, or --untrained for the weights of a new task"
    assert one_line(configured, capsys) == told
    assert one_line([*configured, "--untrained", "--ckpt_path", checkpoint], capsys) == told
    assert not Path("predictions.csv").exists()
    assert main([*configured, "--untrained"]) == 0
    assert [row["probability_head"] for row in table()] != [row["probability_head"] for row in table("a.csv")]
    assert one_line(["predict", "--untrained", "--out", "c.csv"], capsys).startswith(
        "--untrained: give the task"
    )
    other = [*configured, "--model.encoder.hidden_channels", "4", "--ckpt_path", checkpoint, "--out", "c.csv"]
    assert "does not fit the task" in one_line(other, capsys)


def save(task: Any, path: str) -> str:
    held: dict[str, Any] = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(held)
    torch.save(held, path)
    return path


def test_mistakes_are_one_line(checkpoint: str, capsys: pytest.CaptureFixture) -> None:
    predict = ["predict", "--ckpt_path"]
    Path("no.ckpt").write_text("nothing")
    assert "no.ckpt is no checkpoint that can be read safely" in one_line([*predict, "no.ckpt"], capsys)
    told = one_line([*predict, checkpoint, "--data", "gpool.data.TV"], capsys)
    assert told.startswith("data: gpool.data has no 'TV'")
    told = one_line([*predict, checkpoint, "--data.batchsize", "3"], capsys)
    assert told.startswith("data.batchsize: no such option")
    mine = save(GraphTask(encoder=Encoder(1, hidden_channels=4), readout=gpool.GNP(4)), "mine.ckpt")
    assert one_line([*predict, mine], capsys).startswith("--data or --source: the checkpoint does not say")
    assert main(["predict", "--ckpt_path", "gone.ckpt"]) == 1
    assert capsys.readouterr().err == "gpool: gone.ckpt: No such file or directory\n"
    links = save(LinkTask(encoder=Encoder(3, hidden_channels=4), scorer=DotProduct()), "links.ckpt")
    assert "a link model predicts pairs" in one_line([*predict, links, "--source", "new.pt"], capsys)


def test_pairs_have_the_ids_of_both_ends() -> None:
    data = Links(neighborhood=None)
    task = LinkTask(encoder=Encoder(data.num_features, hidden_channels=4, num_layers=1), scorer=DotProduct())
    words = ["--data", "gpool.data.Links", "--data.neighborhood", "null"]
    assert main(["predict", "--ckpt_path", save(task, "links.ckpt"), *words]) == 0
    rows = table()
    assert list(rows[0]) == ["source", "target", "score"]
    assert len(rows) == data.graph.unlinked().size(0)
    assert rows[0]["source"] in map(str, data.graph.ids)
    assert all(0 <= float(row["score"]) <= 1 for row in rows)


def test_the_best_pairs(checkpoint: str, capsys: pytest.CaptureFixture) -> None:
    """--top: as LinkTask.predict ranks them, of all pairs or of those with a common neighbor."""
    data = Links(neighborhood=None)
    task = LinkTask(encoder=Encoder(data.num_features, hidden_channels=4, num_layers=1), scorer=DotProduct())
    words = ["predict", "--ckpt_path", save(task, "links.ckpt"), "--data", "gpool.data.Links"]
    words += ["--data.neighborhood", "null", "--overwrite"]
    for pairs in ("all", "two-hop"):
        assert main([*words, "--top", "7", "--pairs", pairs]) == 0
        wanted = [tuple(map(str, pair[:2])) for pair in task.predict(data, pairs, 7)]
        rows = table()
        assert [(row["source"], row["target"]) for row in rows] == wanted
        assert list(rows[0]) == ["source", "target", "score"]
    assert main([*words, "--pairs", "two-hop"]) == 0
    assert 7 < len(table()) < data.graph.unlinked().size(0)
    assert one_line([*words, "--top", "0"], capsys) == "top=0 must be at least 1"
    told = one_line(["predict", "--ckpt_path", checkpoint, "--overwrite", "--top", "3"], capsys)
    assert told == "--top: only a link model ranks pairs, GraphTask has none"


class Missing(Unlabeled):
    """Says in its own words that there is no such file, when it is first asked."""

    def __init__(self, source: str) -> None:
        super().__init__([])
        self.source = source

    @property
    def num_features(self) -> int:
        raise FileNotFoundError(f"source={self.source!r} is no file")


def test_a_source_that_is_not_there_is_one_line(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(gpool.data, "NewGraphs", Missing, raising=False)
    told = one_line(["predict", "--ckpt_path", checkpoint, "--source", "gone.pt"], capsys)
    assert told == "source='gone.pt' is no file"
