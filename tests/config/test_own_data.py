"""A data set of PyG given where a data module is expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch_geometric.data import Data, InMemoryDataset

from gpool.bench.plan import Plan
from gpool.cli import main
from gpool.config import Configuration
from gpool.data import Graphs, Nodes

HERE = __name__


class Rings(InMemoryDataset):
    """Rings of ``num_nodes`` nodes, as PyG users write a data set."""

    def __init__(self, num_nodes: int = 4, graphs: int = 40) -> None:
        super().__init__()
        around = torch.arange(num_nodes)
        edges = torch.stack([around, around.roll(1)])
        mask = torch.arange(num_nodes) % 2 == 0
        masks = {f"{part}_mask": mask for part in ("train", "val", "test")}
        y = [torch.arange(num_nodes) % 3 if graphs == 1 else k % 3 for k in range(graphs)]
        made = [Data(torch.rand(num_nodes, 2), edges, y=label, **masks) for label in y]
        self.data, self.slices = self.collate(made)


def config(task: str = "GraphTask", **init_args: Any) -> dict[str, Any]:
    model: dict[str, Any] = {
        "encoder": {"class_path": "gpool.models.Encoder", "init_args": {"num_layers": 1}}
    }
    if task == "GraphTask":
        model["readout"] = "gpool.GNP"
    return {
        "model": {"class_path": f"gpool.training.{task}", "init_args": model},
        "data": {"class_path": f"{HERE}.Rings", "init_args": init_args},
        "trainer": {"logger": False, "max_epochs": 1, "accelerator": "cpu"},
    }


def test_it_is_read_by_graphs() -> None:
    given = config(num_nodes=5)
    made = Configuration(given, run=False)
    assert type(made.datamodule) is Graphs
    assert made.datamodule.graphs[0].num_nodes == 5
    assert made.model.out_channels == 3
    assert given == config(num_nodes=5)


def test_one_graph_is_read_by_nodes() -> None:
    made = Configuration(config("NodeTask", graphs=1, num_nodes=9), run=False)
    assert type(made.datamodule) is Nodes
    assert made.datamodule.num_outputs == 3


@pytest.mark.parametrize("place", ["file", "flags", "both"])
def test_files_and_flags(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = config(num_nodes=6)
    words = {
        "file": [],
        "both": ["--data.num_nodes=7"],
        "flags": ["--data", f"{HERE}.Rings", "--data.num_nodes", "7"],
    }
    if place == "flags":
        del given["data"]
    Path("config.yaml").write_text(yaml.safe_dump(given))
    made = Configuration(["--config", "config.yaml", *words[place]], run=False)
    assert type(made.datamodule) is Graphs
    assert made.datamodule.graphs[0].num_nodes == (6 if place == "file" else 7)


def test_a_wrong_argument_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config(nodes=5)))
    assert main(["fit", "--config", str(path)]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gpool:")]
    assert line.startswith(
        f"gpool: data.source.nodes: no such option of {HERE}.Rings; did you mean 'num_nodes'?"
    )


def test_a_plan_takes_it_too() -> None:
    given = config(num_nodes=5)
    plan = Plan(model=given["model"], data={"rings": given["data"]}, folds=[0, 1])
    for run in plan.runs():
        made = Configuration(run.config, run=False)
        assert type(made.datamodule) is Graphs
        assert made.datamodule.fold == run.fold
