"""Checkpoints that build their task again: from attributes, from a configuration, or with one clear line."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

import gpool
from gpool.cli import main
from gpool.link import DotProduct
from gpool.models import Encoder
from gpool.training import GraphTask, LinkTask, NodeTask, WarmupCosine
from tests.bench.parts import Coins

QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Silent(nn.Module):
    """An encoder that keeps none of its arguments."""

    def __init__(self, in_channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, hidden_channels)
        self.out_channels = hidden_channels

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None = None) -> list[Tensor]:
        return [self.linear(x)]


def batch() -> Batch:
    edge_index = torch.tensor([[0, 1], [1, 0]])
    return Batch.from_data_list(
        [Data(torch.rand(2, 1), edge_index, y=torch.tensor([k % 2])) for k in range(5)]
    )


def trained(task: LightningModule, tmp_path: Path, **options: Any) -> Path:
    trainer = Trainer(max_epochs=1, default_root_dir=tmp_path, enable_checkpointing=False, **QUIET, **options)
    trainer.fit(task, Coins(batch_size=16))
    path = tmp_path / "x.ckpt"
    trainer.save_checkpoint(path)
    return path


def graph_task(**changes: Any) -> GraphTask:
    given = {
        "encoder": Encoder(1, hidden_channels=8, num_layers=2, norm=None),
        "readout": gpool.GNP(8),
        **changes,
    }
    return GraphTask(**given)


def same(task: LightningModule, loaded: LightningModule) -> None:
    """Same class, same weights, and the same predictions to the last bit."""
    assert type(loaded) is type(task)
    ours, theirs = task.state_dict(), loaded.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    graphs = batch().to(torch.device("cpu"))
    if next(task.parameters()).dtype == torch.double:
        graphs.x = graphs.x.double()
    assert torch.equal(task.eval()(graphs), loaded.eval()(graphs))


def test_a_task_made_in_python_comes_back_without_arguments(tmp_path: Path) -> None:
    task = graph_task(
        pooling=[gpool.SparseCoarsening(8, ratio=0.5)],
        coarse_layers=2,
        optimizer=functools.partial(torch.optim.SGD, lr=0.1),
        lr_scheduler=functools.partial(WarmupCosine, epochs=5),
    )
    path = trained(task, tmp_path)
    for loaded in (
        GraphTask.load_from_checkpoint(path),
        gpool.load(path),
        gpool.load(path, map_location="cpu"),
    ):
        same(task, loaded)
    assert loaded.optimizer.keywords == {"lr": 0.1}
    assert loaded.lr_scheduler.keywords == {"epochs": 5}


def test_the_file_holds_plain_values_facts_and_versions(tmp_path: Path) -> None:
    held = torch.load(trained(graph_task(), tmp_path), weights_only=True)["gpool"]
    assert held["model"]["class_path"] == "gpool.training.GraphTask"
    assert held["model"]["init_args"]["model"]["init_args"]["readout"]["class_path"] == "gpool.GNP"
    assert (held["task"], held["num_features"]) == ("multiclass", 1)
    assert set(held["versions"]) == {"python", "gpool", "torch", "torch_geometric", "lightning"}


def test_saving_does_not_move_the_random_numbers(tmp_path: Path) -> None:
    trainer = Trainer(max_epochs=0, default_root_dir=tmp_path, enable_checkpointing=False, **QUIET)
    trainer.fit(graph_task(), Coins())
    before = torch.get_rng_state()
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    assert torch.equal(before, torch.get_rng_state())


def test_weights_of_another_precision_stay_as_they_were(tmp_path: Path) -> None:
    task = graph_task()
    loaded = gpool.load(trained(task, tmp_path, precision="64-true"))
    assert next(loaded.parameters()).dtype == torch.double
    task._trainer = None
    same(task, loaded)


def test_weights_that_do_not_fit_are_one_line(tmp_path: Path) -> None:
    path = trained(graph_task(), tmp_path)
    with pytest.raises(ValueError, match=r"x\.ckpt does not fit the task: .*size mismatch") as caught:
        gpool.load(path, encoder=Encoder(1, hidden_channels=4, num_layers=2, norm=None))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "task",
    [
        NodeTask(
            encoder=Encoder(3, hidden_channels=4, num_layers=1),
            task="regression",
            out_channels=2,
            dropout=0.5,
        ),
        LinkTask(
            encoder=Encoder(3, hidden_channels=4, num_layers=1), scorer=DotProduct(), loss="mse", hits=(3, 5)
        ),
    ],
)
def test_node_and_link_tasks_come_back(task: NodeTask | LinkTask, tmp_path: Path) -> None:
    checkpoint: dict[str, Any] = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "x.ckpt")
    loaded = type(task).load_from_checkpoint(tmp_path / "x.ckpt")
    assert {name: value.shape for name, value in loaded.state_dict().items()} == {
        name: value.shape for name, value in task.state_dict().items()
    }
    assert loaded.measures() == task.measures()
    assert repr(loaded) == repr(task)
    with pytest.raises(ValueError, match=rf"holds a {type(task).__name__}, not a GraphTask"):
        GraphTask.load_from_checkpoint(tmp_path / "x.ckpt")


def test_what_cannot_be_described_is_named_and_can_be_given(tmp_path: Path) -> None:
    task = graph_task(encoder=Silent(1, 8))
    path = trained(task, tmp_path)
    with pytest.raises(ValueError) as caught:
        GraphTask.load_from_checkpoint(path)
    told = "Silent keeps no attribute 'in_channels'"
    assert str(caught.value).count("\n") == 0
    assert told in str(caught.value)
    assert str(caught.value).endswith("load_from_checkpoint(path, in_channels=..., hidden_channels=...)")
    same(task, GraphTask.load_from_checkpoint(path, encoder=Silent(1, 8)))
    same(task, GraphTask.load_from_checkpoint(path, in_channels=1, hidden_channels=8))


def test_a_function_without_a_path_is_named_and_can_be_given(tmp_path: Path) -> None:
    task = graph_task(optimizer=lambda groups: torch.optim.SGD(groups, lr=0.1))
    path = trained(task, tmp_path)
    with pytest.raises(
        ValueError, match=r"optimizer: <function .* has no import path.*\(path, optimizer=\.\.\.\)"
    ):
        gpool.load(path)
    loaded = gpool.load(path, optimizer=torch.optim.Adam)
    same(task, loaded)
    assert loaded.optimizer is torch.optim.Adam


def test_a_checkpoint_that_says_nothing_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "old.ckpt"
    torch.save({"state_dict": graph_task().state_dict()}, path)
    with pytest.raises(ValueError, match=r"old\.ckpt does not say how to build its model"):
        GraphTask.load_from_checkpoint(path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match=r"old\.ckpt is no checkpoint that can be read safely"):
        gpool.load(path)
    torch.save({"weights": 1}, path)
    with pytest.raises(ValueError, match="it has no 'state_dict'"):
        gpool.load(path)


def test_a_file_that_holds_code_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (mark,)

    torch.save({"state_dict": {}, "gpool": Payload()}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="can be read safely"):
        gpool.load(tmp_path / "x.ckpt")
    assert not mark.exists()


def test_a_class_that_is_gone_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    torch.save(
        {"state_dict": {}, "gpool": {"from": "attributes", "model": {"class_path": "gpool.Gone"}}}, path
    )
    with pytest.raises(ValueError, match=r"names what cannot be imported here: .*Gone"):
        gpool.load(path)


CONFIG = """
model:
  class_path: gpool.training.GraphTask
  init_args:
    encoder: {class_path: tests.training.test_checkpoint.Silent, init_args: {hidden_channels: 8}}
    readout: gpool.GNP
    optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.1}}
    lr_scheduler: {class_path: gpool.training.WarmupCosine, init_args: {epochs: 4}}
data: {class_path: tests.bench.parts.Coins, init_args: {batch_size: 16}}
trainer: {max_epochs: 1, logger: false, enable_progress_bar: false, enable_model_summary: false}
"""


def test_a_task_of_the_command_line_comes_back_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder keeps none of its arguments, one of which the data handed on."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG)
    assert main(["fit", "--config", "config.yaml"]) == 0
    (path,) = tmp_path.rglob("*.ckpt")
    held = torch.load(path, weights_only=True)
    assert held["gpool"]["from"] == "configuration"
    assert held["gpool"]["data"]["init_args"]["batch_size"] == 16
    loaded = GraphTask.load_from_checkpoint(path)
    assert loaded.model.encoder.linear.in_features == 1
    assert loaded.model.readout.channels == 8
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in held["state_dict"].items())
    made = loaded.configure_optimizers()
    assert type(made["optimizer"]) is torch.optim.SGD
    assert type(made["lr_scheduler"]) is WarmupCosine
    again = ["fit", "--config", "config.yaml", "--ckpt_path", str(path), "--trainer.max_epochs", "2"]
    assert main(again) == 0
    newest = max(tmp_path.rglob("*.ckpt"), key=lambda p: torch.load(p, weights_only=True)["epoch"])
    assert torch.load(newest, weights_only=True)["epoch"] == 1
