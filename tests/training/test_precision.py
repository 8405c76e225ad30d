"""Real fits in every precision of Lightning's trainer: graphs, nodes and links."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.plugins.precision import DoublePrecision, HalfPrecision
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn.aggr import MeanAggregation

from gpool import GNP, HistoGraph, LayerResampler, LogMeanExp, PowerMean
from gpool.data import Links, Neighborhood, RandomSplit
from gpool.link import DotProduct, LowRankBilinear, MLPScorer
from gpool.models import (
    Encoder,
    GraphModel,
    GraphParsingNetwork,
    SparseHierarchicalNet,
    WalkPoolNetwork,
)
from gpool.pooling import EdgeContraction, GraphParsing, SparseCoarsening
from gpool.training import GraphTask, LinkTask, NodeTask

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

TYPES = {
    "32-true": torch.float32,
    "bf16-mixed": torch.float32,
    "64-true": torch.float64,
    "bf16-true": torch.bfloat16,
}
WIDTH = 8


def fit(task: LightningModule, train: Any, precision: str) -> dict[str, float]:
    """Train, validate, test and predict; every loss is finite and a parameter has moved."""
    before = [p.detach().double() for p in task.parameters()]
    trainer = Trainer(
        max_epochs=1,
        precision=precision,  # type: ignore[arg-type]
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(train, Links):
            trainer.fit(task, train)
            found = {**trainer.callback_metrics, **trainer.test(task, train, verbose=False)[0]}
            predicted = trainer.predict(task, train)
        else:
            trainer.fit(task, train, train)
            found = {**trainer.callback_metrics, **trainer.test(task, train, verbose=False)[0]}
            predicted = trainer.predict(task, train)
    assert predicted
    assert {p.dtype for p in task.parameters()} == {TYPES[precision]}
    assert all(torch.as_tensor(found[f"{part}/loss"]).isfinite() for part in ("train", "val", "test"))
    moved = [bool((p.detach().double() != b).any()) for p, b in zip(task.parameters(), before, strict=True)]
    assert any(moved)
    return {name: float(value) for name, value in found.items()}


def graphs(label: str = "class", edges: str | None = None) -> list[Data]:
    generator = torch.Generator().manual_seed(0)
    out = []
    for k in range(8):
        n = 4 + k % 3
        ring = torch.stack([torch.arange(n), (torch.arange(n) + 1) % n])
        edge_index = torch.cat([ring, ring.flip(0)], 1)
        attr = {} if edges is None else {"edge_attr": torch.rand(2 * n, generator=generator)}
        y = torch.tensor([k % 2]) if label == "class" else torch.tensor([431.7 + k])
        out.append(Data(torch.rand(n, 3, generator=generator), edge_index, y=y, **attr))
    return out


POOLINGS = {
    "GraphParsing": lambda: GraphParsing(WIDTH),
    "EdgeContraction": lambda: EdgeContraction(WIDTH),
    "SparseCoarsening": lambda: SparseCoarsening(WIDTH),
}
READOUTS = {
    "GNP": lambda: GNP(WIDTH),
    "PowerMean": lambda: PowerMean(WIDTH),
    "LogMeanExp": lambda: LogMeanExp(None, tau=WIDTH),
    "HistoGraph": lambda: HistoGraph(WIDTH),
    "LayerResampler": lambda: LayerResampler(WIDTH, num_layers=2),
}
MODELS = {
    **{
        conv: (
            lambda conv=conv: GraphModel(
                Encoder(3, hidden_channels=WIDTH, num_layers=2, conv=conv), MeanAggregation(), out_channels=2
            )
        )
        for conv in ("gin", "gcn", "sage", "gat")
    },
    **{
        name: (
            lambda make=make: GraphModel(
                Encoder(3, hidden_channels=WIDTH, num_layers=2, conv="gcn"),
                MeanAggregation(),
                out_channels=2,
                pooling=[make()],
            )
        )
        for name, make in POOLINGS.items()
    },
    **{
        name: (
            lambda make=make: GraphModel(
                Encoder(3, hidden_channels=WIDTH, num_layers=2), make(), out_channels=2
            )
        )
        for name, make in READOUTS.items()
    },
    "GraphParsingNetwork": lambda: GraphParsingNetwork(3, hidden_channels=WIDTH, out_channels=2),
    "SparseHierarchicalNet": lambda: SparseHierarchicalNet(
        3, hidden_channels=WIDTH, out_channels=2, num_levels=2
    ),
}


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize("name", MODELS)
def test_graph_task(name: str, precision: str) -> None:
    torch.manual_seed(0)
    fit(GraphTask(MODELS[name]()), DataLoader(graphs(), 4), precision)


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize(
    "model",
    [
        lambda: Encoder(4, hidden_channels=WIDTH, num_layers=2, conv="gcn"),
        lambda: Encoder(4, hidden_channels=WIDTH, num_layers=2, conv="gat"),
    ],
)
@pytest.mark.parametrize("readout", [lambda: None, lambda: HistoGraph(WIDTH)])
def test_node_task(model: Any, readout: Any, precision: str) -> None:
    torch.manual_seed(0)
    ring = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
    mask = torch.arange(12) % 3
    graph = Data(torch.rand(12, 4), torch.cat([ring, ring.flip(0)], 1), y=torch.arange(12) % 2)
    graph.update({"train_mask": mask == 0, "val_mask": mask == 1, "test_mask": mask == 2})
    fit(NodeTask(encoder=model(), readout=readout()), DataLoader([graph], 1), precision)


def every_third(nodes: int) -> torch.Tensor:
    """Every third pair of the nodes is a link."""
    return torch.combinations(torch.arange(nodes))[::3].t()


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_link_model(labels: bool, loss: Any, precision: str) -> None:
    torch.manual_seed(0)
    data = Links.from_edges(
        every_third(12), neighborhood=Neighborhood(1, labels=labels), split=RandomSplit(0.2)
    )
    model = WalkPoolNetwork(16, hidden_channels=4, heads=1, walk_length=2, max_label=5 if labels else None)
    fit(LinkTask(model, loss=loss), data, precision)


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize(
    "scorer", [DotProduct, lambda: MLPScorer(WIDTH), lambda: LowRankBilinear(WIDTH, WIDTH)]
)
def test_pair_model(scorer: Any, precision: str) -> None:
    torch.manual_seed(0)
    data = Links.from_edges(every_third(12), neighborhood=None, split=RandomSplit(0.2), batch_size=8)
    fit(
        LinkTask(encoder=Encoder(16, hidden_channels=WIDTH, num_layers=2, conv="gcn"), scorer=scorer()),
        data,
        precision,
    )


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize("name", ["GraphParsing", "EdgeContraction", "SparseCoarsening"])
def test_edge_weights_and_regression(name: str, precision: str) -> None:
    torch.manual_seed(0)
    pooled = GraphModel(
        Encoder(3, hidden_channels=WIDTH, num_layers=2, conv="gcn"),
        MeanAggregation(),
        out_channels=1,
        pooling=[POOLINGS[name]()],
    )
    task = GraphTask(pooled, task="regression", out_channels=1)
    found = fit(task, DataLoader(graphs("number", edges="weights"), 4), precision)
    assert abs(found["train/loss"] - 435.0**2) < 0.02 * 435.0**2  # untrained, so it is that of the labels


class Recorder(nn.Module):
    """A model that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 0.0]))
        self.given: list[Any] = []

    def forward(self, *given: Any) -> torch.Tensor:
        self.given = list(given)
        return self.weight.expand(given[4], 2)


@pytest.mark.parametrize("precision", TYPES)
def test_features_are_cast_and_ids_are_not(precision: str) -> None:
    wanted = TYPES[precision]
    data = graphs(edges="weights")
    for one in data:
        one.x = one.x if precision != "64-true" else (10 * one.x).long()  # ids of a vocabulary
    task = GraphTask(Recorder())
    fit(task, DataLoader(data, 8), precision)
    x, edge_index, edge_attr, batch, _ = task.model.given
    assert x.dtype == (torch.int64 if precision == "64-true" else wanted)
    assert (edge_index.dtype, edge_attr.dtype, batch.dtype) == (torch.int64, wanted, torch.int64)


def test_batches_of_links_pass_lightnings_casts() -> None:
    """Lightning walks through dataclasses and refuses frozen ones."""
    batch = next(iter(Links.from_edges(every_third(12), split=RandomSplit(0.2)).val_dataloader()))
    for plugin in (DoublePrecision(), HalfPrecision("bf16-true")):
        assert plugin.convert_input(batch) is batch
    other = batch.with_features(batch.x.double())
    assert (other.x.dtype, batch.x.dtype) == (torch.float64, torch.float32)
    assert all(getattr(other, name) is getattr(batch, name) for name in ("pairs", "y", "subgraphs", "labels"))
    moved = batch.to("cpu")
    assert torch.equal(moved.x, batch.x)
    assert torch.equal(moved.subgraphs.edge_index, batch.subgraphs.edge_index)


def test_half_precision_link_scores_are_near_those_of_float32() -> None:
    torch.manual_seed(0)
    data = Links.from_edges(every_third(12), neighborhood=Neighborhood(1), split=RandomSplit(0.2))
    task = LinkTask(WalkPoolNetwork(16, hidden_channels=4, heads=2, walk_length=3)).eval()
    batch = next(iter(data.val_dataloader()))
    right = task(batch)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(task(batch).float(), right, rtol=0.1, atol=0.02)
    low = task.bfloat16()(batch.with_features(batch.x.bfloat16()))
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low.float(), right, rtol=0.1, atol=0.02)
