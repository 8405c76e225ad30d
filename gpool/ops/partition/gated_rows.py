"""Rows picked and scaled in one pass, block by block, so that the picked rows are never held unscaled."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.blocks import blocks_of

__all__ = ["gated_rows"]


class _GatedRows(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, index: Tensor, gate: Tensor) -> Tensor:
        out = x.new_empty(index.numel(), x.size(1))
        for rows in blocks_of(out):
            torch.index_select(x, 0, index[rows], out=out[rows]).mul_(gate[rows].unsqueeze(-1))
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:  # type: ignore[override]
        x, index, gate = ctx.saved_tensors
        by_x = by_gate = None
        if ctx.needs_input_grad[0]:
            by_x = torch.zeros_like(x).index_add(0, index, grad * gate.unsqueeze(-1))
        if ctx.needs_input_grad[2]:
            by_gate = (grad * x.index_select(0, index)).sum(-1)
        return by_x, None, by_gate


def gated_rows(x: Tensor, index: Tensor, gate: Tensor) -> Tensor:
    """gate_k x[index_k] for every k: [N, C], int64 [K], [K] -> [K, C]; differentiable twice."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return x.index_select(0, index) * gate.unsqueeze(-1)
    return _GatedRows.apply(x, index, gate)  # type: ignore[no-any-return]
