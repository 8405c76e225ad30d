"""GraphTask: what it builds, what it optimizes and what it measures."""

from __future__ import annotations

import logging

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from torch import nn
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn.aggr import MeanAggregation

from gpool import GNP
from gpool.data import Digits
from gpool.models import Encoder, GraphModel
from gpool.training import GraphTask

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def batch(label: torch.Tensor) -> Batch:
    edge_index = torch.tensor([[0, 1], [1, 0]])
    return Batch.from_data_list([Data(torch.rand(2, 3), edge_index, y=y.view(1, -1)) for y in label])


def quiet(**options: object) -> Trainer:
    return Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, **options)  # type: ignore[arg-type]


def test_encoder_and_readout_make_a_graph_model() -> None:
    task = GraphTask(encoder=Encoder(3, hidden_channels=8), readout=GNP(8), out_channels=5)
    assert isinstance(task.model, GraphModel)
    assert task(batch(torch.zeros(4))).shape == (4, 5)


def test_exactly_one_of_model_and_parts() -> None:
    model = GraphModel(Encoder(3, hidden_channels=8), MeanAggregation(), out_channels=2)
    with pytest.raises(ValueError, match="give a model, or both an encoder and a readout"):
        GraphTask(encoder=Encoder(3, hidden_channels=8))
    with pytest.raises(ValueError, match="not both"):
        GraphTask(model, readout=MeanAggregation())


def test_exponents_are_trained_apart() -> None:
    task = GraphTask(
        encoder=Encoder(3, hidden_channels=8),
        readout=GNP(8),
        optimizer=lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
        exponent_lr=7.0,
    )
    usual, apart = task.configure_optimizers().param_groups
    assert {id(p) for p in apart["params"]} == {id(p) for p in task.model.readout.exponent_parameters()}
    assert (apart["lr"], apart["weight_decay"]) == (pytest.approx(0.07), 0.0)
    assert (usual["lr"], usual["weight_decay"]) == (0.01, 0.1)
    assert len(usual["params"]) + len(apart["params"]) == len(list(task.parameters()))


def test_schedule_scales_both_groups() -> None:
    task = GraphTask(
        encoder=Encoder(3, hidden_channels=8),
        readout=GNP(8),
        optimizer=lambda p: torch.optim.SGD(p, lr=1.0),
        lr_scheduler=lambda o: torch.optim.lr_scheduler.StepLR(o, 1, gamma=0.1),
    )
    made = task.configure_optimizers()
    made["optimizer"].step()
    made["lr_scheduler"].step()
    assert [group["lr"] for group in made["optimizer"].param_groups] == [
        pytest.approx(0.1),
        pytest.approx(0.5),
    ]


@pytest.mark.parametrize(
    ("task", "label", "outputs"),
    [
        ("multiclass", torch.tensor([0, 1, 2, 1]), 3),
        ("binary", torch.tensor([0, 1, 0, 1]), 1),
        ("multilabel", torch.tensor([[0.0, 1.0], [1.0, float("nan")], [1.0, 0.0], [0.0, 1.0]]), 2),
        ("regression", torch.tensor([[0.3], [1.2], [-2.0], [float("nan")]]), 1),
    ],
)
def test_every_kind_of_label_is_learned(task: str, label: torch.Tensor, outputs: int) -> None:
    data = batch(label)
    data.x = torch.eye(4).repeat_interleave(2, 0)
    module = GraphTask(
        encoder=Encoder(4, hidden_channels=16, num_layers=2, norm=None),
        readout=MeanAggregation(),
        task=task,  # type: ignore[arg-type]
        out_channels=outputs,
        optimizer=lambda p: torch.optim.Adam(p, lr=0.02),
    )
    quiet(max_epochs=150, enable_model_summary=False).fit(module, DataLoader(data.to_data_list(), 4))
    assert module.objective.loss(module(data), data.y) < 0.05


def fit_digits(seed: int) -> dict[str, float]:
    seed_everything(seed, verbose=False)
    data = Digits(batch_size=256)
    module = GraphTask(encoder=Encoder(3, hidden_channels=16, num_layers=2), readout=GNP(16), out_channels=10)
    trainer = quiet(max_epochs=2, enable_model_summary=False)
    trainer.fit(module, data)
    return {**trainer.callback_metrics, **trainer.test(module, data, verbose=False)[0]}


def test_the_same_seed_gives_the_same_numbers_and_another_others() -> None:
    first, again, other = fit_digits(1), fit_digits(1), fit_digits(2)
    assert first == again
    assert first["val/loss"] != other["val/loss"]


def test_a_module_without_exponents_has_one_group() -> None:
    task = GraphTask(nn.Linear(3, 2))
    assert len(task.configure_optimizers().param_groups) == 1
