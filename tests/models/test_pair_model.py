"""PairModel: the scorer of both ends' states on the whole graph."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gpool.link import DotProduct, LinkBatch, LowRankBilinear
from gpool.models import Encoder, PairModel
from gpool.ops.subgraph.record import EnclosingSubgraphs

EDGES = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
PAIRS = torch.tensor([[0, 2], [3, 1], [2, 2]])


def batch(pairs: Tensor = PAIRS) -> LinkBatch:
    torch.manual_seed(0)
    return LinkBatch(pairs, torch.ones(len(pairs)), torch.randn(4, 5), edge_index=EDGES)


def encoder() -> Encoder:
    return Encoder(5, hidden_channels=8, num_layers=2, conv="sage").eval()


def test_logits_are_the_scorer_of_the_last_states() -> None:
    whole, model = batch(), PairModel(encoder(), DotProduct())
    z = model.encoder(whole.x, whole.edge_index)[-1]
    right = [float(z[i] @ z[j]) for i, j in PAIRS.tolist()]
    torch.testing.assert_close(model(whole), torch.tensor(right))


def test_a_column_of_scores_is_flattened() -> None:
    whole, scorer = batch(), LowRankBilinear(8, 8, out=1, rank=3)
    model = PairModel(encoder(), scorer)
    z = model.encoder(whole.x, whole.edge_index)[-1]
    out = model(whole)
    assert out.shape == (3,)
    torch.testing.assert_close(out, scorer(z[PAIRS[:, 0]], z[PAIRS[:, 1]])[:, 0])
    assert model(batch(PAIRS[:1])).shape == model(batch(PAIRS[:1])).view(-1).shape
    assert model(batch(PAIRS[:0])).shape == (0,)


def test_encoder_and_scorer_are_trained() -> None:
    model = PairModel(encoder(), LowRankBilinear(8, 8, rank=3))
    model(batch()).sum().backward()
    for part in (model.encoder, model.scorer):
        assert isinstance(part, nn.Module)
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())


def test_subgraphs_are_refused() -> None:
    record = EnclosingSubgraphs.from_edges(torch.tensor([[0, 1], [1, 0]]), torch.tensor([True, True]))
    links = LinkBatch(PAIRS[:1], torch.ones(1), torch.randn(2, 5), record)
    with pytest.raises(ValueError, match="batch has no edge_index"):
        PairModel(encoder(), DotProduct())(links)
