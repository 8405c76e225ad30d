"""LayerResampler against its equations, one graph and one head at a time."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpool import LayerResampler

from .oracle import problem


def oracle(readout: LayerResampler, history: list[Tensor], index: Tensor, size: int) -> Tensor:
    out = []
    c, width = readout.channels, readout.channels // readout.heads
    w_q, w_k, w_v = readout.attention.in_proj_weight.split(c)
    b_q, b_k, b_v = readout.attention.in_proj_bias.split(c)
    for graph in range(size):
        rows = index == graph
        if not rows.any():
            out.append(torch.zeros(c, dtype=torch.float64))
            continue
        m = torch.stack([f(x[rows].mean(0)) for f, x in zip(readout.project, history, strict=True)])
        k = readout.norm_layers(m + readout.depth)
        latents = []
        for r in readout.latent:
            q = w_q @ readout.norm_latent(r) + b_q
            read = []
            for head in range(readout.heads):
                part = slice(head * width, (head + 1) * width)
                weight = torch.softmax((k @ w_k.T + b_k)[:, part] @ q[part] / math.sqrt(width), dim=0)
                read.append(weight @ (k @ w_v.T + b_v)[:, part])
            z = readout.attention.out_proj(torch.cat(read))
            z = z + r if readout.residual else z
            if readout.feed_forward is not None:
                block = readout.feed_forward
                a, gate = block.inner(block.norm(z)).chunk(2)
                fed = block.outer(a * F.gelu(gate))
                z = z + fed if readout.residual else fed
            latents.append(z)
        y = torch.stack(latents).mean(0)
        out.append(y / y.norm() if readout.normalize else y)
    return torch.stack(out)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("feed_forward", [0, 2])
@pytest.mark.parametrize("widths", [[6], [6, 6, 6], [4, 6, 3], [6] * 64])
def test_equals_the_loop(widths: list[int], feed_forward: int, residual: bool) -> None:
    history, index, size = problem([4, 0, 1, 3], widths)
    readout = LayerResampler(
        6, in_channels=widths, latents=3, heads=2, residual=residual, feed_forward=feed_forward,
        normalize=residual,
    ).double()  # fmt: skip
    got, want = readout(history, index, size), oracle(readout, history, index, size)
    torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)
    leaves = [x.requires_grad_() for x in (*history, *readout.parameters())]
    upstream = torch.randn(size, 6, dtype=torch.float64)
    grads = torch.autograd.grad(readout(history, index, size), leaves, upstream, allow_unused=True)
    wants = torch.autograd.grad(oracle(readout, history, index, size), leaves, upstream, allow_unused=True)
    for g, w in zip(grads, wants, strict=True):
        assert (g is None) == (w is None)
        if g is not None:
            torch.testing.assert_close(g, w, rtol=1e-8, atol=1e-10)


def test_one_layer_without_the_learned_parts_is_the_mean() -> None:
    (x,), index, size = problem([4, 1, 3], [6])
    readout = LayerResampler(
        6, num_layers=1, heads=1, residual=False, feed_forward=0, normalize=False
    ).double()
    readout.norm_layers = nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():
        readout.depth.zero_()
        readout.attention.in_proj_weight[12:] = torch.eye(6)
        nn.init.eye_(readout.attention.out_proj.weight)
    want = torch.stack([x[index == g].mean(0) for g in range(size)])
    torch.testing.assert_close(readout([x], index, size), want)


def test_layers_and_their_embeddings_may_be_permuted_together() -> None:
    history, index, size = problem([4, 3], [6, 6, 6])
    readout = LayerResampler(6, num_layers=3, heads=2).double()
    y = readout(history, index, size)
    order = [2, 0, 1]
    permuted = [history[i] for i in order]
    assert not torch.allclose(readout(permuted, index, size), y, rtol=1e-4)
    with torch.no_grad():
        readout.depth.copy_(readout.depth[order].clone())
    torch.testing.assert_close(readout(permuted, index, size), y)


def test_length_one() -> None:
    history, index, size = problem([4, 0, 3], [8, 8])
    norms = LayerResampler(8, num_layers=2).double()(history, index, size).norm(dim=-1)
    torch.testing.assert_close(norms, torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64))
