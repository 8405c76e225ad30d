"""LinkModel: any readout over enclosing subgraphs, WalkPool as one setting of it, labels, ids."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch_geometric.nn import GCNConv, MeanAggregation, SortAggregation, SumAggregation

import gpool
from gpool.data import Links, Neighborhood, NodeIds
from gpool.link import DotProduct, LinkBatch
from gpool.models import (
    AllLayers,
    EmbeddingEncoder,
    Encoder,
    LinkModel,
    NodeLabels,
    SubgraphEncoder,
    WalkPoolNetwork,
)
from gpool.models.walkpool_network import WalkClassifier
from gpool.ops.subgraph.distance_labels import distances, drnl
from gpool.ops.subgraph.record import EnclosingSubgraphs
from gpool.training import LinkTask


def batch(labels: bool = False, size: int = 8) -> LinkBatch:
    return next(iter(Links(neighborhood=Neighborhood(1, labels=labels), batch_size=size).val_dataloader()))


def encoder(width: int = 16) -> Encoder:
    return Encoder(width, hidden_channels=8, num_layers=2, norm=None)


PARTS = {
    "mean": lambda: LinkModel(encoder(), MeanAggregation(), in_channels=16),
    "sort": lambda: LinkModel(encoder(), AllLayers(SortAggregation(k=5)), in_channels=16),
    "GNP": lambda: LinkModel(encoder(), gpool.GNP(8), in_channels=16),
    "HistoGraph": lambda: LinkModel(encoder(), gpool.HistoGraph(8), in_channels=16),
    "drnl": lambda: LinkModel(encoder(20), SumAggregation(), in_channels=16, labels=NodeLabels(4)),
    "de": lambda: LinkModel(
        encoder(), SumAggregation(), in_channels=16, labels=NodeLabels(16, kind="de", join="add")
    ),
    "pooled": lambda: LinkModel(encoder(), gpool.GNP(8), in_channels=16, pooling=[gpool.SparseCoarsening(8)]),
    "WalkPool": lambda: LinkModel(
        encoder(), gpool.WalkPool(32, hidden_channels=4, walk_length=3), in_channels=16
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_scores_depend_on_their_own_subgraph_alone(name: str) -> None:
    """Every kind of part, one pair at a time: the same logits, and the target link is hidden."""
    torch.manual_seed(0)
    model, data = PARTS[name]().eval(), Links(neighborhood=Neighborhood(1))
    part = data.dataset("test")
    together = model(part[[0, 5, 9]])
    assert together.shape == (3,)
    assert together.unique().numel() > 1
    for k, position in enumerate((0, 5, 9)):
        torch.testing.assert_close(model(part[[position]])[0], together[k])
    model.train()(batch()).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_seal_the_slow_way() -> None:
    """One subgraph at a time with PyG's convolution on the edges without the target's."""
    torch.manual_seed(0)
    links = batch()
    model = LinkModel(
        Encoder(20, hidden_channels=8, num_layers=1, conv="gcn", norm=None),
        SumAggregation(),
        in_channels=16,
        labels=NodeLabels(4, max_label=5),
    ).eval()
    conv: GCNConv = model.encoder.convs[0]
    s, found = links.subgraphs, model(links)
    labels = drnl(s).clamp(max=5)
    for b in range(links.num_links):
        nodes = (s.batch == b).nonzero().view(-1).tolist()
        place = {v: k for k, v in enumerate(nodes)}
        edges = [
            [place[u], place[v]]
            for (u, v), own in zip(s.edge_index.t().tolist(), s.is_target.tolist(), strict=True)
            if u in place and not own
        ]
        x = torch.cat([links.x[nodes], model.labels.embedding.weight[labels[nodes]]], 1)
        h = conv(x, torch.tensor(edges).view(-1, 2).t()).relu()
        torch.testing.assert_close(model.head(h.sum(0, keepdim=True))[0, 0], found[b])


def test_walkpool_network_is_one_setting() -> None:
    """Bit for bit, in training with dropout too."""
    torch.manual_seed(3)
    network = WalkPoolNetwork(16, hidden_channels=8, heads=2, walk_length=3, max_label=4)
    labels = NodeLabels(8, max_label=4)
    pool = gpool.WalkPool(16 + 8 + 16, hidden_channels=8, heads=2, walk_length=3)
    parts = SubgraphEncoder(24, 8), pool, WalkClassifier(pool.out_channels)
    model = LinkModel(*parts, in_channels=16, labels=labels, target_link=True)
    model.load_state_dict(network.state_dict())
    links = batch(labels=True)
    for mode in (True, False):
        torch.manual_seed(1)
        a = network.train(mode)(links)
        torch.manual_seed(1)
        assert torch.equal(a, model.train(mode)(links))


def test_labels_the_slow_way() -> None:
    """Distance encoding: a vector for either distance, summed; swapping the ends changes nothing."""
    edges = torch.tensor([[0, 1, 1, 2, 2, 3, 0, 3, 4, 0], [1, 0, 2, 1, 3, 2, 3, 0, 0, 4]])
    own = torch.tensor([False] * 6 + [True] * 2 + [False] * 2)
    record = EnclosingSubgraphs.from_edges(edges, own)
    links = LinkBatch(torch.tensor([[0, 3]]), torch.ones(1), torch.zeros(5, 3), record)
    labels = NodeLabels(3, kind="de", max_label=2, join="add")
    table = labels.embedding.weight
    for k, (a, b) in enumerate(distances(record).tolist()):
        torch.testing.assert_close(labels(links.x, links)[k], table[min(a + 1, 2)] + table[min(b + 1, 2)])
    with_labels = LinkBatch(links.pairs, links.y, links.x, record, drnl(record))
    deep = NodeLabels(4)
    assert torch.equal(deep(links.x, links), deep(links.x, with_labels))  # computed where not brought


def test_ids_have_vectors_and_no_one_hot_matrix() -> None:
    """A vector per id is what a one-hot matrix times the same weight gives; training moves it."""
    torch.manual_seed(0)
    data = Links(neighborhood=Neighborhood(1), features=NodeIds(), batch_size=8)
    assert data.num_features == 77
    assert data.x.shape == (77, 1)
    model = LinkModel(encoder(6), MeanAggregation(), in_channels=77, node_channels=6)
    links = next(iter(data.val_dataloader()))
    one_hot = links.with_features(torch.eye(77)[links.x.view(-1)])
    torch.testing.assert_close(model(links), model(one_hot))
    before = model.weight.detach().clone()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=1, accelerator="cpu", enable_checkpointing=False, **quiet)
    trainer.fit(LinkTask(model), data)
    assert not torch.equal(before, model.weight)
    with pytest.raises(ValueError, match="node_channels must be the width"):
        LinkModel(encoder(77), MeanAggregation(), in_channels=77)(links)


def test_ids_over_the_whole_graph() -> None:
    torch.manual_seed(0)
    data = Links(neighborhood=None, features=NodeIds(), batch_size=8)
    deep = EmbeddingEncoder(77, hidden_channels=6)
    task = LinkTask(encoder=deep, scorer=DotProduct())
    links = next(iter(data.val_dataloader()))
    h = torch.eye(77) @ deep.embedding.weight
    for conv in deep.convs:
        h = conv(h, links.edge_index).relu()
    i, j = links.pairs.t()
    torch.testing.assert_close(task.eval()(links), (h[i] * h[j]).sum(-1))
    with pytest.raises(ValueError, match="must hold node ids"):
        deep(torch.zeros(77, 1), links.edge_index)


def test_what_does_not_fit_is_refused() -> None:
    walk = gpool.WalkPool(32)
    cases = [
        (lambda: LinkModel(encoder(9), walk, in_channels=16), "in_channels=9 must be 16"),
        (
            lambda: LinkModel(encoder(), walk, in_channels=16, pooling=[gpool.SparseCoarsening(8)]),
            "pooling must be None",
        ),
        (lambda: LinkModel(encoder(), nn.Identity(), in_channels=16), "integer out_channels"),
        (lambda: LinkModel(SubgraphEncoder(16), MeanAggregation(), in_channels=16), "a link pooling"),
        (
            lambda: LinkModel(encoder(), walk, in_channels=16, labels=NodeLabels(3, join="add")),
            "labels.channels=3 must be 16",
        ),
        (lambda: NodeLabels(3, kind="drn"), "kind='drn'"),
        (lambda: NodeLabels(3, join="sum"), "join='sum'"),
        (lambda: NodeLabels(3, max_label=0), "max_label=0"),
    ]
    for make, message in cases:
        with pytest.raises(ValueError, match=message):
            make()
    whole = next(iter(Links(neighborhood=None).val_dataloader()))
    with pytest.raises(ValueError, match="LinkModel reads the enclosing subgraph"):
        LinkModel(encoder(), walk, in_channels=16)(whole)
