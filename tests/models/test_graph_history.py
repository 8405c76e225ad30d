"""Readouts over the history in graph models: a drop-in for any other, also over a frozen backbone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from torch import nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import MeanAggregation

from gpool import HistoGraph, LayerResampler
from gpool.bench import Plan
from gpool.config.configuration import Configuration, check
from gpool.history import CachedHistory, HistoryReadout, cache_history
from gpool.models import Encoder, GraphModel
from gpool.training import GraphTask

PLAN = Path(__file__).parents[2] / "experiments" / "tu_readouts.yaml"


def batch() -> Batch:
    return Batch.from_data_list(
        [
            Data(x=torch.randn(n, 5), edge_index=torch.randint(n, (2, 3 * n)), y=torch.tensor([n % 2]))
            for n in (4, 1, 7, 12)
        ]
    )


@pytest.mark.parametrize("readout", [HistoGraph(16, heads=2), LayerResampler(16, num_layers=3)])
def test_the_model_hands_over_every_layer(readout: HistoryReadout) -> None:
    graphs, encoder = batch(), Encoder(5, hidden_channels=16, num_layers=3)
    model = GraphModel(encoder, readout, out_channels=2).eval()
    history = encoder(graphs.x, graphs.edge_index)
    want = model.head(readout(history, graphs.batch, dim_size=4))
    got = model(graphs.x, graphs.edge_index, batch=graphs.batch, batch_size=4)
    torch.testing.assert_close(got, want)
    alone = Data(x=graphs.x[:4], edge_index=graphs[0].edge_index)
    torch.testing.assert_close(model(alone.x, alone.edge_index), want[:1], rtol=1e-3, atol=1e-4)
    plain = GraphModel(encoder, MeanAggregation(), out_channels=2).eval()
    mean = torch.stack([history[-1][graphs.batch == g].mean(0) for g in range(4)])
    torch.testing.assert_close(plain(graphs.x, graphs.edge_index, batch=graphs.batch), plain.head(mean))


def test_a_frozen_backbone_in_the_same_model() -> None:
    """The cached activations stand for the encoder: same predictions, only readout and head learn."""
    graphs, encoder = batch(), Encoder(5, hidden_channels=16, num_layers=3).eval()
    readout, head = HistoGraph(16, heads=2, mix="learned"), nn.Linear(16, 2)
    joint = GraphTask(encoder=encoder, readout=readout, head=head)
    cached = Batch.from_data_list(
        cache_history(lambda data: encoder(data.x, data.edge_index), [graphs], torch.float32)
    )
    frozen = GraphTask(encoder=CachedHistory([16] * 3), readout=readout, head=head)
    torch.testing.assert_close(frozen(cached), joint(graphs))
    frozen.training_step(cached, 0).backward()
    assert all(p.grad is None for p in encoder.parameters())
    assert all(p.grad is not None for p in head.parameters())


def test_the_plan_has_both_rows() -> None:
    plan = Plan(**{k: v for k, v in yaml.safe_load(PLAN.read_text()).items() if k != "select"})
    assert plan.readouts is not None
    assert {"HistoGraph", "LayerResampler"} <= set(plan.readouts)
    for run in plan.runs():
        if run.fold == 0 and run.readout in ("HistoGraph", "LayerResampler"):
            check(run.config)


@pytest.mark.parametrize("mix", [0.5, "learned", None])
def test_a_configuration_builds_the_readout(mix: float | str | None) -> None:
    plan = yaml.safe_load((PLAN.parent / "digits.yaml").read_text())
    config = {
        "model": plan["model"],
        "data": {"class_path": "gpool.data.Digits"},
        "trainer": {"logger": False},
    }
    config["model"]["init_args"]["readout"] = {"class_path": "gpool.HistoGraph", "init_args": {"mix": mix}}
    built = Configuration(args=config, run=False).model.model
    assert (built.readout.channels, built.readout.mix) == (64, mix)
