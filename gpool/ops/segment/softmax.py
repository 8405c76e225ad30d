"""Softmax within segments, with a backward that keeps nothing but the output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.blocks import blocks_of
from gpool.ops.checks.arguments import length_along
from gpool.ops.precision import floating
from gpool.ops.segment._index import Segments, resolve, unseen
from gpool.ops.segment._rows import as_rows, from_rows
from gpool.ops.segment.reduce import segment_max, segment_sum

__all__ = ["segment_softmax"]


def _weights(x: Tensor, index: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """exp(x - top) [N, D], the top [B, D] and the sum of the former [B, D]."""
    least = torch.finfo(x.dtype).min  # stands for the top of a segment that is -inf throughout
    top = segment_max(x.detach(), Segments(index, size)).clamp(min=least)
    weight = (x - top.index_select(0, index)).exp()
    return weight, top, segment_sum(weight, Segments(index, size))


def _weights_in_place(x: Tensor, index: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same without autograd, in the memory of one [N, D]."""
    top = segment_max(x, Segments(index, size)).clamp_(min=torch.finfo(x.dtype).min)
    weight, total = torch.empty_like(x), torch.zeros_like(top)
    for rows in blocks_of(x):
        part = torch.index_select(top, 0, index[rows], out=weight[rows])
        total.index_add_(0, index[rows], torch.sub(x[rows], part, out=part).exp_())
    return weight, top, total


def _softmax(x: Tensor, index: Tensor, size: int) -> Tensor:
    weight, _, total = _weights(x, index, size)
    return weight / total.clamp(min=torch.finfo(x.dtype).tiny).index_select(0, index)


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, index: Tensor, size: int) -> Tensor:
        weight, _, total = _weights_in_place(x, index, size)
        total.clamp_(min=torch.finfo(x.dtype).tiny).reciprocal_()
        for rows in blocks_of(x):
            weight[rows].mul_(total.index_select(0, index[rows]))
        return weight

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        ctx.save_for_backward(output, inputs[1])
        ctx.size = inputs[2]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        weight, index = ctx.saved_tensors
        if torch.is_grad_enabled():
            mean = segment_sum(grad * weight, Segments(index, ctx.size))
            return weight * (grad - mean.index_select(0, index)), None, None
        out, mean = torch.empty_like(weight), weight.new_zeros(ctx.size, weight.size(1))
        for rows in blocks_of(weight):
            mean.index_add_(0, index[rows], torch.mul(grad[rows], weight[rows], out=out[rows]))
        for rows in blocks_of(weight):
            part = torch.index_select(mean, 0, index[rows], out=out[rows])
            torch.sub(grad[rows], part, out=part).mul_(weight[rows])
        return out, None, None


def segment_softmax(
    x: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
) -> Tensor:
    """Softmax within every segment and channel, the shape of ``x``; zeros where all of a segment is -inf."""
    # Not looked at here: the maximum comes first, and refuses what is no segment.
    segment, size, _ = resolve(index, ptr, dim_size, length_along(x, dim), x.device, look=unseen(x))
    rows = as_rows(floating("x", x), dim)
    softmax = _softmax if torch.compiler.is_compiling() else _Softmax.apply
    return from_rows(softmax(rows, segment, size).to(x.dtype), x, dim)
