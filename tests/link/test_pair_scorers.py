"""Pair scorers against einsum, and ranking numbers against OGB's evaluators."""

from __future__ import annotations

import pytest
import torch

from gpool.link import DotProduct, LowRankBilinear, MLPScorer, hits_at, mean_reciprocal_rank


def test_dot_product_and_perceptron() -> None:
    a, b = torch.randn(4, 3), torch.randn(4, 3)
    torch.testing.assert_close(DotProduct()(a, b), torch.stack([x @ y for x, y in zip(a, b, strict=True)]))
    scorer = MLPScorer(3, hidden_channels=5, num_layers=3)
    torch.testing.assert_close(scorer(a, b), scorer(b, a))
    assert scorer(a, b).shape == (4,)
    assert len(list(scorer.parameters())) == 6
    with pytest.raises(ValueError, match="num_layers=0"):
        MLPScorer(3, num_layers=0)


def test_low_rank_bilinear_is_its_core_tensor() -> None:
    """W[s, r, o] = sum_j U[s, (o, j)] V[r, (o, j)]: TuckER with a rank-limited core."""
    layer = LowRankBilinear(4, 3, out=5, rank=2).double()
    a, b = torch.randn(6, 4, dtype=torch.double), torch.randn(6, 3, dtype=torch.double)
    core = torch.einsum("soj,roj->sro", layer.u.view(4, 5, 2), layer.v.view(3, 5, 2))
    torch.testing.assert_close(layer(a, b), torch.einsum("bs,br,sro->bo", a, b, core))
    assert torch.autograd.gradcheck(layer, (a.requires_grad_(), b.requires_grad_()))


def test_low_rank_bilinear_of_identities_is_distmult() -> None:
    layer = LowRankBilinear(4, 4, out=4, rank=1)
    with torch.no_grad():
        layer.u.copy_(torch.eye(4))
        layer.v.copy_(torch.eye(4))
    a, b = torch.randn(6, 4), torch.randn(6, 4)
    torch.testing.assert_close(layer(a, b), a * b)


def test_low_rank_bilinear_normalized() -> None:
    layer = LowRankBilinear(4, 3, out=5, rank=2, normalize=True)
    a, b = torch.randn(6, 4), torch.randn(6, 3)
    plain = LowRankBilinear(4, 3, out=5, rank=2)
    plain.load_state_dict(layer.state_dict())
    f = plain(a, b)
    right = torch.nn.functional.normalize(f.sign() * f.abs().sqrt(), dim=1)
    torch.testing.assert_close(layer(a, b), right, rtol=1e-4, atol=1e-5)
    zero = torch.zeros(1, 4, requires_grad=True)
    layer(zero, b[:1]).sum().backward()
    assert zero.grad is not None
    assert zero.grad.isfinite().all()
    with pytest.raises(ValueError, match="rank=0 must be at least 1"):
        LowRankBilinear(4, 3, rank=0)


def test_hits_equal_ogb() -> None:
    ogb = pytest.importorskip("ogb.linkproppred")
    positive, negative = torch.randn(60), torch.randn(80) - 0.5
    negative[:3] = positive[:3]  # ties are no hits
    evaluator = ogb.Evaluator("ogbl-ddi")  # Hits@20
    for k in (1, 20, 50, 100):
        evaluator.K = k
        right = evaluator.eval({"y_pred_pos": positive, "y_pred_neg": negative})[f"hits@{k}"]
        assert abs(float(hits_at(k, positive, negative)) - right) < 1e-6
    with pytest.raises(ValueError, match="k=0"):
        hits_at(0, positive, negative)
    assert hits_at(1, positive[:0], negative).isnan()


def test_mrr_equals_ogb_in_any_order() -> None:
    ogb = pytest.importorskip("ogb.linkproppred")
    positive, negative = torch.randn(7), torch.randn(7, 10)
    negative[0, :2] = positive[0]
    right = (
        ogb.Evaluator("ogbl-citation2")
        .eval({"y_pred_pos": positive, "y_pred_neg": negative})["mrr_list"]
        .mean()
    )
    score = torch.cat([positive, negative.flatten()])
    y = torch.cat([torch.ones(7), torch.zeros(70)])
    group = torch.cat([torch.arange(7), torch.arange(7).repeat_interleave(10)])
    order = torch.randperm(77)
    found = mean_reciprocal_rank(score[order], y[order], group[order])
    torch.testing.assert_close(found.float(), right.float())
