"""The properties of HistoGraph's equations, each by its own short computation, and the extremes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gpool import HistoGraph
from gpool.history import mix_layers, normalize_depth

from .oracle import histograph, problem


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def identity(readout: HistoGraph) -> HistoGraph:
    """W_E = W_Q = W_K = I, no bias."""
    for linear in (*readout.embed, readout.query, readout.key):
        nn.init.eye_(linear.weight)
        if linear.bias is not None:
            nn.init.zeros_(linear.bias)
    return readout


def mean_of(x: Tensor, index: Tensor, size: int) -> Tensor:
    return torch.stack([x[index == g].mean(0) for g in range(size)])


def test_one_layer_is_the_mean_of_its_projection() -> None:
    history, index, size = problem([3, 1, 5], [6])
    readout = HistoGraph(6, node_attention=False, pos_enc=False).double()
    torch.testing.assert_close(readout.depth_weights(history, index, size), torch.ones(3, 1).double())
    torch.testing.assert_close(
        readout(history, index, size), mean_of(readout.embed[0](history[0]), index, size)
    )


def test_disjoint_layers_leave_the_last() -> None:
    last, index, size = problem([3, 4], [2])
    history = [torch.zeros(7, 6, dtype=torch.float64) for _ in range(3)]
    for l in range(3):
        history[l][:, 2 * l : 2 * l + 2] = last[0] + l
    readout = identity(HistoGraph(6, node_attention=False, pos_enc=False).double())
    alpha = readout.depth_weights(history, index, size)
    torch.testing.assert_close(alpha, torch.eye(3).double()[-1].expand(2, -1), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(readout(history, index, size), mean_of(history[-1], index, size))


def test_equal_layers_have_equal_weights() -> None:
    (x,), index, size = problem([3, 4], [6])
    readout = HistoGraph(6, node_attention=False, pos_enc=False).double()
    torch.testing.assert_close(readout.depth_weights([x] * 4, index, size), torch.full((2, 4), 0.25).double())
    torch.testing.assert_close(readout.nodes([x] * 4, index, size), readout.embed[0](x))


def test_without_attention_there_is_nothing_to_add() -> None:
    """A residual of no attention is H itself, not 2 H."""
    history, index, size = problem([3, 1, 4], [6, 6])
    with_it, without = (
        HistoGraph(6, node_attention=False, residual=residual).double() for residual in (True, False)
    )
    without.load_state_dict(with_it.state_dict())
    torch.testing.assert_close(with_it(history, index, size), without(history, index, size))
    torch.testing.assert_close(with_it.nodes(history, index, size), without.nodes(history, index, size))


def test_attention_without_scores_is_the_mean() -> None:
    history, index, size = problem([3, 1, 4], [6, 6])
    readout = HistoGraph(6, heads=2).double()
    assert readout.attention is not None
    eye = torch.eye(6, dtype=torch.float64)
    with torch.no_grad():
        readout.attention.in_proj.weight.copy_(torch.cat([0 * eye, 0 * eye, eye]))
        readout.attention.out_proj.weight.copy_(eye)
    attention, readout.attention = readout.attention, None
    plain = readout(history, index, size)
    readout.attention = attention
    torch.testing.assert_close(readout(history, index, size), plain)
    torch.testing.assert_close(readout.nodes(history, index, size), plain[index])


def test_scale_and_sign_of_the_query_do_not_matter_but_the_order_of_layers_does() -> None:
    history, index, size = problem([3, 4], [6, 6, 6])
    readout = HistoGraph(6, heads=2).double()
    before = readout(history, index, size)
    with torch.no_grad():
        readout.query.weight *= -3
    torch.testing.assert_close(readout(history, index, size), before, rtol=1e-9, atol=1e-10)
    swapped = [history[1], history[0], history[2]]
    assert not torch.allclose(readout(swapped, index, size), before, rtol=1e-3)


def test_signed_weights_by_hand() -> None:
    scores = double([[-1.0, 0.5, 1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0 - 1e-9]])
    want = double([[-2.0, 1.0, 2.0], [1 / 3] * 3, [-5e5, 0.0, 5e5], [5e5, 0.0, -5e5]])
    torch.testing.assert_close(normalize_depth(scores), want, rtol=1e-8, atol=0)
    torch.testing.assert_close(normalize_depth(scores[:1], eps=0.3), double([[-4 / 3, 2 / 3, 4 / 3]]))


def test_a_guarded_sum_is_a_constant_for_the_gradient() -> None:
    scores = double([[-1.0, 0.0, 1.0], [2.0, 1.0, -1.0]]).requires_grad_()
    upstream = double([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    (grad,) = torch.autograd.grad(normalize_depth(scores), scores, upstream)
    alpha, total = double([1.0, 0.5, -0.5]), 2.0
    free = (upstream[1] - (alpha * upstream[1]).sum()) / total
    torch.testing.assert_close(grad, torch.stack([upstream[0] / 2e-6, free]))


def test_mix() -> None:
    history, index, size = problem([3, 4], [6, 6])
    readouts = {mix: HistoGraph(6, mix=mix).double() for mix in (None, 0, 1, 0.5, "learned")}
    for readout in readouts.values():
        readout.load_state_dict(readouts[None].state_dict(), strict=False)
    y = {mix: readout(history, index, size) for mix, readout in readouts.items()}
    torch.testing.assert_close(y[1], y[None])
    torch.testing.assert_close(y[0], mean_of(history[-1], index, size))
    torch.testing.assert_close(y[0.5], (y[0] + y[1]) / 2)
    torch.testing.assert_close(y["learned"], y[0.5])


def test_the_last_layer_is_projected_into_the_mix_when_its_width_differs() -> None:
    history, index, size = problem([3, 0, 4], [5, 5])
    readout = HistoGraph(6, in_channels=5, mix=0.0).double()
    want = mean_of(readout.embed[0](history[-1]), index, size)
    got = readout(history, index, size)
    torch.testing.assert_close(got[[0, 2]], want[[0, 2]])
    assert torch.equal(got[1], torch.zeros(6).double())


def test_tied_start_gives_the_last_layer_a_positive_score() -> None:
    history, index, size = problem([5, 4], [6, 6, 6])
    readout = HistoGraph(6, norm="none", tie_qk_init=True).double()
    assert (readout.depth_weights(history, index, size)[:, -1] >= 0).all()


# Extremes.


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mix", [None, "learned"])
def test_a_sum_of_scores_near_zero_is_finite(dtype: torch.dtype, mix: Any) -> None:
    """Scores (-1, t, 1): the key has the last layer against itself."""
    readout = identity(HistoGraph(2, pos_enc=False, mix=mix).to(dtype))
    for t in (0.0, 1e-30, -1e-9, 1e-7, 1e-3):
        x = torch.tensor([[1.0, 0.0]] * 3, dtype=dtype)
        history = [(-x).requires_grad_(), (t * x).requires_grad_(), x.requires_grad_()]
        y = readout(history, torch.zeros(3, dtype=torch.long), 1)
        grads = torch.autograd.grad(y.sum(), [*history, *readout.parameters()])
        assert y.isfinite().all()
        assert all(g.isfinite().all() for g in grads)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e4])
def test_zeros_and_extremes_are_finite(scale: float) -> None:
    history, index, size = problem([4, 1, 0], [6, 6, 6])
    history = [(scale * x).float().requires_grad_() for x in history]
    readout = HistoGraph(6, heads=2, mix="learned", pos_enc=False)
    y = readout(history, index, size)
    grads = torch.autograd.grad(y.square().sum(), [*history, *readout.parameters()])
    assert y.isfinite().all()
    assert all(g.isfinite().all() for g in grads)


def test_sixty_four_layers() -> None:
    history, index, size = problem([4, 1, 3], [6] * 64)
    readout = HistoGraph(6, heads=2).double()
    expected = histograph(readout, history, index, size)
    torch.testing.assert_close(readout(history, index, size), expected["Y"], rtol=1e-8, atol=1e-8)
    leaves = [x.requires_grad_() for x in history]
    assert all(g.isfinite().all() for g in torch.autograd.grad(readout(leaves, index, size).sum(), leaves))


def test_one_node_and_no_node() -> None:
    history, _, _ = problem([1], [6, 6])
    readout = HistoGraph(6, heads=2, mix="learned").double()
    assert readout.attention is not None
    index = torch.tensor([1])
    y, alpha = readout(history, index, 4), readout.depth_weights(history, index, 4)
    h = mix_layers(history, [readout.embed[0].weight], readout._offsets(history), alpha, index)
    v = readout.attention.in_proj(h)[:, 12:]
    torch.testing.assert_close(y[1:2], 0.5 * readout.attention.out_proj(v) + 0.5 * history[-1])
    assert torch.equal(y[[0, 2, 3]], torch.zeros(3, 6).double())
    nothing = readout([x[:0] for x in history], index[:0], 2)
    assert torch.equal(nothing, torch.zeros(2, 6).double())
    assert readout([x[:0] for x in history], index[:0]).shape == (0, 6)
