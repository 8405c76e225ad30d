"""Reading segments by attention: sums weighted by a softmax within the segment, for one query or many."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.blocks import blocks_of
from gpool.ops.precision import floating
from gpool.ops.segment._index import Segments, resolve, unseen
from gpool.ops.segment.softmax import segment_softmax

__all__ = ["segment_attend", "segment_weighted_sum"]


class _WeightedSums(torch.autograd.Function):
    """sum_i weight[i, k] value[i, :] of every segment: [N, K], [N, D] -> [B, K, D], one k at a time."""

    @staticmethod
    def forward(weight: Tensor, value: Tensor, index: Tensor, size: int) -> Tensor:
        sums = value.new_zeros(weight.size(1), size, value.size(1))
        for rows in blocks_of(value):
            for k, part in enumerate(sums):
                part.index_add_(0, index[rows], value[rows] * weight[rows, k : k + 1])
        return sums.transpose(0, 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, int], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])
        ctx.size = inputs[3]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        weight, value, index = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative will be asked for
            spread = grad.index_select(0, index)  # [N, K, D]
            by_value = (spread * weight.unsqueeze(-1)).sum(1)
            return (spread * value.unsqueeze(1)).sum(-1), by_value, None, None
        by_weight, by_value = torch.empty_like(weight), torch.zeros_like(value)
        for rows in blocks_of(value):
            for k in range(weight.size(1)):
                spread = grad[:, k].index_select(0, index[rows])
                by_weight[rows, k] = (spread * value[rows]).sum(-1)
                by_value[rows] += spread.mul_(weight[rows, k : k + 1])
        return by_weight, by_value, None, None


def _weighted_sums(weight: Tensor, value: Tensor, index: Tensor, size: int) -> Tensor:
    product = weight.unsqueeze(-1) * value.unsqueeze(1)  # [N, K, D]
    return product.new_zeros(size, *product.shape[1:]).index_add(0, index, product)


def segment_weighted_sum(
    weight: Tensor,
    value: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
) -> Tensor:
    """The values of every segment, added up with each of K weights: [N, K], [N, D] -> [B, K, D]."""
    wide, rows = floating("weight", weight), floating("value", value)
    if value.dim() != 2 or weight.dim() != 2 or weight.size(0) != value.size(0):
        raise ValueError(
            f"weight {tuple(weight.shape)} and value {tuple(value.shape)} must be [N, K] and [N, D]"
        )
    segments = resolve(index, ptr, dim_size, value.size(0), value.device)
    sums = _weighted_sums if torch.compiler.is_compiling() else _WeightedSums.apply
    return sums(wide, rows, segments.segment, segments.size).to(value.dtype)


def segment_attend(
    score: Tensor,
    value: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
) -> Tensor:
    """The values of every segment, weighted by the softmax of each of K scores: [N, K], [N, D] -> [B, K, D].

    A score [N] gives [B, D]. What is read is a convex combination; an empty segment reads zeros.
    """
    wide, rows = floating("score", score), floating("value", value)
    if score.dim() == 1:
        return segment_attend(score.unsqueeze(-1), value, index, ptr, dim_size).squeeze(1)
    if value.dim() != 2 or score.dim() != 2 or score.shape != (value.size(0), score.size(-1)):
        raise ValueError(
            f"score {tuple(score.shape)} and value {tuple(value.shape)} must be [N, K] and [N, D]"
        )
    segments = resolve(index, ptr, dim_size, value.size(0), value.device, look=unseen(score))
    weight = segment_softmax(wide, segments)  # its maximum refuses what is no segment
    sums = _weighted_sums if torch.compiler.is_compiling() else _WeightedSums.apply
    return sums(weight, rows, segments.segment, segments.size).to(value.dtype)
