"""NodeTask and NodeModel: which labels count, which states the head reads, and that they learn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import LightningDataModule, Trainer
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader
from torch_geometric.data import Batch, Data

from gpool import HistoGraph, LayerResampler
from gpool.bench import Plan
from gpool.config.configuration import check
from gpool.models import Encoder, NodeModel
from gpool.training import NodeTask

PLAN = Path(__file__).parents[2] / "experiments" / "oversmoothing.yaml"


def communities(nodes: int = 120, classes: int = 3) -> Data:
    """Noisy features; most edges stay inside a class."""
    y = torch.arange(nodes) % classes
    source = torch.arange(nodes).repeat(6)
    step = torch.randint(1, nodes // classes, source.shape) * classes + (torch.rand(source.shape) < 0.1)
    x = torch.randn(nodes, 8) + nn.functional.one_hot(y, 8) * 0.7
    part = torch.arange(nodes) // classes % 4
    masks = {"train_mask": part == 0, "val_mask": part == 1, "test_mask": part >= 2}
    return Data(x=x, y=y, edge_index=torch.stack([source, (source + step) % nodes]), **masks)


class One(LightningDataModule):
    def __init__(self, graph: Data) -> None:
        super().__init__()
        self.graph = graph

    def train_dataloader(self) -> DataLoader:
        return DataLoader([self.graph], batch_size=None)

    val_dataloader = test_dataloader = predict_dataloader = train_dataloader


def task(readout: HistoGraph | None, layers: int = 3) -> NodeTask:
    encoder = Encoder(8, hidden_channels=16, num_layers=layers, conv="gcn", norm=None)
    return NodeTask(encoder=encoder, readout=readout, out_channels=3, optimizer=lambda p: Adam(p, lr=0.01))


@pytest.mark.parametrize("with_readout", [False, True])
def test_learns(with_readout: bool) -> None:
    model = task(HistoGraph(16, heads=2, residual=True, layer_norm=True) if with_readout else None)
    trainer = Trainer(
        max_epochs=60, logger=False, enable_progress_bar=False, enable_checkpointing=False, accelerator="cpu",
        enable_model_summary=False,
    )  # fmt: skip
    data = One(communities())
    trainer.fit(model, data)
    found = trainer.test(model, data, verbose=False)[0]
    assert found["test/acc"] > 0.8
    (prediction,) = trainer.predict(model, data)
    mask = data.graph.test_mask
    accuracy = (prediction.argmax(1) == data.graph.y)[mask].float().mean()
    assert found["test/acc"] == pytest.approx(float(accuracy))


def test_only_training_labels_make_the_loss() -> None:
    graph, model = communities(), task(HistoGraph(16))
    loss = model.training_step(graph, 0)
    graph.y = torch.where(graph.train_mask, graph.y, 2 - graph.y)
    assert torch.equal(model.training_step(graph, 0), loss)
    want = nn.functional.cross_entropy(model(graph)[graph.train_mask], graph.y[graph.train_mask])
    torch.testing.assert_close(loss, want)


def test_the_readout_reads_all_layers_and_without_it_the_head_reads_the_last() -> None:
    graph = communities()
    encoder, readout = Encoder(8, hidden_channels=16, num_layers=4, conv="gcn"), HistoGraph(16)
    encoder.eval()
    history = encoder(graph.x, graph.edge_index)
    plain, deep = NodeModel(encoder, out_channels=3), NodeModel(encoder, readout=readout, out_channels=3)
    torch.testing.assert_close(plain(graph.x, graph.edge_index), plain.head(history[-1]))
    torch.testing.assert_close(deep(graph.x, graph.edge_index), deep.head(readout.nodes(history)))


def test_nodes_of_one_graph_do_not_attend_to_another() -> None:
    a, b = communities(30), communities(60)
    model = task(HistoGraph(16, norm="softmax")).eval()
    both = model(Batch.from_data_list([a, b]))
    torch.testing.assert_close(both, torch.cat([model(a), model(b)]), rtol=1e-4, atol=1e-5)


def test_sixty_four_layers_hand_over_their_history() -> None:
    graph, model = communities(), task(HistoGraph(16), layers=64)
    assert len(model.model.encoder(graph.x, graph.edge_index)) == 64
    loss = model.training_step(graph, 0)
    loss.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(g.isfinite().all() for g in grads)
    assert float(model.model.encoder.convs[0].lin.weight.grad.abs().sum()) > 0


def test_bad_models() -> None:
    encoder = Encoder(8, hidden_channels=16)
    with pytest.raises(ValueError, match="either head or out_channels"):
        NodeModel(encoder)
    with pytest.raises(ValueError, match=r"readout=LayerResampler must have nodes\("):
        NodeModel(encoder, readout=LayerResampler(16, num_layers=4), out_channels=2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="integer out_channels"):
        NodeModel(nn.Linear(2, 2), out_channels=2)
    with pytest.raises(ValueError, match="give a model, or an encoder"):
        NodeTask()
    with pytest.raises(ValueError, match="not both"):
        NodeTask(model=Whole(), encoder=encoder)


class Whole(nn.Module):
    def forward(self, x: Tensor, *rest: Tensor) -> Tensor:
        return x[:, :3]


def test_a_whole_model() -> None:
    graph = communities()
    assert torch.equal(NodeTask(model=Whole(), out_channels=3)(graph), graph.x[:, :3])


def test_the_plan_of_the_experiment_is_right() -> None:
    runs = Plan(**{k: v for k, v in yaml.safe_load(PLAN.read_text()).items() if k != "select"}).runs()
    depths = {run.config["model"]["init_args"]["encoder"]["init_args"]["num_layers"] for run in runs}
    assert depths == {2, 8, 32, 64}
    assert len({run.key for run in runs}) == len(runs) == 48
    for run in runs[:4] + runs[-4:]:
        check(run.config)
