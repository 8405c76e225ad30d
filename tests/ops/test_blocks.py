"""Blocks of edges change neither values nor gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gpool.ops import blocks
from gpool.ops.blocks import product_map, row_blocks
from gpool.pooling.layers import MLP


def run(module: nn.Module, h: Tensor, u: Tensor, v: Tensor, coef: Tensor) -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    out = product_map(module, h, u, v)
    return out.detach(), *torch.autograd.grad((out * coef).sum(), [h, *module.parameters()])


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("amp", [False, True])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, dropout: float, amp: bool) -> None:
    dtype = torch.float32 if amp else torch.float64
    module = MLP(8, 8, 1, num_layers=2, dropout=dropout).to(dtype)
    h = torch.randn(20, 8, dtype=dtype, requires_grad=True)
    u, v = torch.randint(20, (2, 96))
    coef = torch.randn(96, 1, dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        whole = run(module, h, u, v, coef)
        monkeypatch.setattr(blocks, "BLOCK", 16 * 8)
        parts, again = run(module, h, u, v, coef), run(module, h, u, v, coef)
    if dropout == 0.0:
        for a, b in zip(whole, parts, strict=True):
            torch.testing.assert_close(a, b, rtol=3e-2 if amp else 1e-7, atol=3e-2 if amp else 1e-10)
    for a, b in zip(parts, again, strict=True):
        assert torch.equal(a, b)  # the same seed draws the same dropout, block by block


def test_dropout_is_the_same_on_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 16 * 8)
    module = nn.Sequential(nn.Linear(8, 1, bias=False), nn.Dropout(0.5)).double()
    h = torch.randn(20, 8, dtype=torch.float64, requires_grad=True)
    u, v = torch.randint(20, (2, 96))
    out = product_map(module, h, u, v)
    state = torch.get_rng_state()
    module.eval()  # what happens in between must not matter
    (grad,) = torch.autograd.grad(out.sum(), module[0].weight)
    assert not module.training
    assert torch.equal(state, torch.get_rng_state())
    kept = (out != 0).double()
    assert 0 < int(kept.sum()) < 96
    torch.testing.assert_close(grad, (2 * kept * (h[u] * h[v])).sum(0, keepdim=True))


@pytest.mark.parametrize(("rows", "width"), [(0, 4), (1, 4), (10, 0), (7, 3), (100, 64)])
def test_blocks_cover_every_row_once(monkeypatch: pytest.MonkeyPatch, rows: int, width: int) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 16)
    covered = [i for block in row_blocks(rows, width) for i in range(rows)[block]]
    assert covered == list(range(rows))
