"""WalkPoolNetwork: the sparse convolution is PyG's, the network is the paper's."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.nn import GCNConv

from gpool.data import Links, Neighborhood
from gpool.link import LinkBatch
from gpool.models import WalkPoolNetwork
from gpool.models.walkpool_network import SubgraphGCN, WalkClassifier


def batch(labels: bool = False) -> LinkBatch:
    return next(iter(Links(neighborhood=Neighborhood(labels=labels)).val_dataloader()))


def test_gcn_equals_pyg() -> None:
    links = batch().subgraphs
    ours, theirs = SubgraphGCN(5, 3).double(), GCNConv(5, 3).double()
    with torch.no_grad():
        theirs.lin.weight.copy_(ours.linear.weight)
        ours.bias.normal_()
        theirs.bias.copy_(ours.bias)
    x = torch.randn(links.num_nodes, 5, dtype=torch.double, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    a, b = ours(x, links), theirs(y, links.edge_index)
    torch.testing.assert_close(a, b)
    weight = torch.randn_like(a)
    (a * weight).sum().backward()
    (b * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    torch.testing.assert_close(ours.linear.weight.grad, theirs.lin.weight.grad)


def test_the_published_network() -> None:
    """The paper's widths: [x, h1, h2] into the pooling, 72 features, 20, 20, 10 and 1 times as wide."""
    model = WalkPoolNetwork(16)
    assert model.pool.channels == 16 + 64
    widths = [layer.out_features for layer in model.head if isinstance(layer, torch.nn.Linear)]
    assert widths == [1440, 1440, 720, 72, 1]
    assert isinstance(model.head[0], torch.nn.BatchNorm1d)
    links = batch()
    model.eval()
    z = model.encode(links)
    h1 = model.encoder.first(links.x, links.subgraphs)
    torch.testing.assert_close(
        z, torch.cat([links.x, h1, model.encoder.second(h1.relu(), links.subgraphs)], 1)
    )
    logits = model(links)
    assert logits.shape == (links.num_links,)
    torch.testing.assert_close(logits, model.head(model.pool(z, links.subgraphs)).squeeze(-1))


def test_scores_do_not_depend_on_the_batch_or_the_order_of_the_ends() -> None:
    data = Links()
    model = WalkPoolNetwork(16).eval()
    part = data.dataset("test")
    together = model(part[[0, 5, 9]])
    for k, position in enumerate((0, 5, 9)):
        torch.testing.assert_close(model(part[[position]])[0], together[k])
    part.pairs = part.pairs.flip(1)
    torch.testing.assert_close(model(part[[0, 5, 9]]), together)


def test_labels_are_embedded_and_large_ones_share() -> None:
    links = batch(labels=True)
    model = WalkPoolNetwork(16, max_label=3).eval()
    assert model.pool.channels == 16 + 32 + 64
    assert links.labels.max() >= 3
    clamped = LinkBatch(links.pairs, links.y, links.x, links.subgraphs, links.labels.clamp(max=3))
    torch.testing.assert_close(model(links), model(clamped))
    assert torch.equal(model(batch()), model(links))  # labels that a batch does not bring are computed
    with pytest.raises(ValueError, match="max_label=0"):
        WalkPoolNetwork(16, max_label=0)


def test_a_batch_without_subgraphs_is_refused() -> None:
    whole = next(iter(Links(neighborhood=None).val_dataloader()))
    with pytest.raises(ValueError, match="batch has no subgraphs"):
        WalkPoolNetwork(16)(whole)


def test_classifier_shape() -> None:
    assert WalkClassifier(6)(torch.randn(4, 6)).shape == (4, 1)


def test_forward_mode_of_the_subgraph_convolution() -> None:
    links = batch()
    layer = SubgraphGCN(4, 3).double()
    x, tangent = torch.randn(2, links.subgraphs.num_nodes, 4, dtype=torch.double).unbind(0)
    right = (layer(x + 1e-6 * tangent, links.subgraphs) - layer(x - 1e-6 * tangent, links.subgraphs)) / 2e-6
    found = torch.func.jvp(lambda v: layer(v, links.subgraphs), (x,), (tangent,))[1]
    torch.testing.assert_close(found, right, rtol=1e-6, atol=1e-8)
