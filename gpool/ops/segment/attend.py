"""Reading segments by attention: sums weighted by a softmax within the segment, for one query or many."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gpool.ops.blocks import blocks_of
from gpool.ops.precision import floating
from gpool.ops.segment._index import Segments, resolve, unseen
from gpool.ops.segment._scores import Scores
from gpool.ops.segment.softmax import segment_softmax

__all__ = ["check_scores", "segment_attend", "segment_read", "segment_score", "segment_weighted_sum"]


class _WeightedSums(torch.autograd.Function):
    """Sums of weight[i, k, h] value[i, h, :], one k at a time: [N, K, H], [N, D] -> [B, K, D]."""

    @staticmethod
    def forward(weight: Tensor, value: Tensor, index: Tensor, size: int) -> Tensor:
        sums = value.new_zeros(weight.size(1), size, value.size(1))
        for rows in blocks_of(value):
            here, by_head = index[rows], _by_head(value[rows], weight)
            for k, part in enumerate(sums):
                part.index_add_(0, here, (by_head * weight[rows, k].unsqueeze(-1)).flatten(1))
        return sums.transpose(0, 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, int], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        weight, value, index = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative will be asked for
            return *_both_gradients(weight, value, index, grad), None, None
        by_weight, by_value = torch.empty_like(weight), torch.zeros_like(value)
        for rows in blocks_of(value):
            here, by_head = index[rows], _by_head(value[rows], weight)
            for k in range(weight.size(1)):
                spread = _by_head(grad[:, k].index_select(0, here), weight)
                by_weight[rows, k] = (spread * by_head).sum(-1)
                by_value[rows] += spread.mul_(weight[rows, k].unsqueeze(-1)).flatten(1)
        return by_weight, by_value, None, None


class _Products(torch.autograd.Function):
    """The same for one head and entries in the order of their segments: a matrix product for each segment."""

    @staticmethod
    def forward(weight: Tensor, value: Tensor, index: Tensor, sizes: list[int]) -> Tensor:
        sums = value.new_empty(len(sizes), weight.size(1), value.size(1))
        turned = weight.squeeze(-1).t().split(sizes, dim=1)
        for w, v, part in zip(turned, value.split(sizes), sums.unbind(0), strict=True):
            torch.mm(w, v, out=part)
        return sums

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, list[int]], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])
        ctx.sizes = inputs[3]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        weight, value, index = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *_both_gradients(weight, value, index, grad), None, None
        flat, by_value = weight.squeeze(-1), torch.empty_like(value)
        by_weight = torch.empty_like(flat)
        parts = (v.split(ctx.sizes) for v in (flat, value, by_weight, by_value))
        by_segment = (grad.unbind(0), grad.transpose(1, 2).unbind(0))
        for w, v, for_w, for_v, g, turned in zip(*parts, *by_segment, strict=True):
            torch.mm(v, turned, out=for_w)
            torch.mm(w, g, out=for_v)
        return by_weight.unsqueeze(-1), by_value, None, None


def _both_gradients(weight: Tensor, value: Tensor, index: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of weight and value, by operations that can be differentiated again."""
    spread = _by_head(grad.index_select(0, index), weight)  # [N, K, H, D / H]
    by_value = (spread * weight.unsqueeze(-1)).sum(1).flatten(1)
    return (spread * _by_head(value, weight).unsqueeze(1)).sum(-1), by_value


def read_by_products(segments: Segments, columns: int) -> bool:
    """Whether so many columns of scores are read by one matrix product per segment.

    That takes 15 microseconds per segment, but almost nothing per column: on a CPU, where entries are in the
    order of their segments, and segments are not small.
    """
    segment = segments.segment
    if torch.compiler.is_compiling() or segment.device.type != "cpu" or segment.numel() == 0:
        return False
    return segment.numel() * columns >= 128 * segments.size and bool((segment[1:] >= segment[:-1]).all())


def _sums(weight: Tensor, value: Tensor, segments: Segments) -> Tensor:
    """Weighted sums [B, K, D] in the way that fits the segments."""
    segment, size = segments.segment, segments.size
    if torch.compiler.is_compiling():
        return _weighted_sums(weight, value, segment, size)
    one = weight.size(2) == 1 and weight.dtype == value.dtype
    if one and read_by_products(segments, weight.size(1)):
        return _Products.apply(weight, value, segment, torch.bincount(segment, minlength=size).tolist())
    return _WeightedSums.apply(weight, value, segment, size)


def _weighted_sums(weight: Tensor, value: Tensor, index: Tensor, size: int) -> Tensor:
    product = (weight.unsqueeze(-1) * _by_head(value, weight).unsqueeze(1)).flatten(2)  # [N, K, D]
    return product.new_zeros(size, *product.shape[1:]).index_add(0, index, product)


def _by_head(v: Tensor, weight: Tensor) -> Tensor:
    """[..., D] -> [..., H, D / H], with the heads of the weights."""
    return v.unflatten(-1, (weight.size(2), v.size(-1) // weight.size(2)))


def segment_weighted_sum(
    weight: Tensor,
    value: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
) -> Tensor:
    """The values of every segment, added up with each of K weights: [N, K], [N, D] -> [B, K, D].

    A weight [N, K, H] has H heads, each of which weights its own D / H columns.
    """
    wide, rows = floating("weight", weight), floating("value", value)
    check_scores(weight, value, "weight")
    segments = resolve(index, ptr, dim_size, value.size(0), value.device)
    wide = wide if wide.dim() == 3 else wide.unsqueeze(-1)
    return _sums(wide, rows, segments).to(value.dtype)


def segment_attend(
    score: Tensor,
    value: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
) -> Tensor:
    """The values of every segment, weighted by the softmax of each of K scores: [N, K], [N, D] -> [B, K, D].

    A score [N] gives [B, D]. A score [N, K, H] has H heads, each of which weights its own D / H columns. What
    is read is a convex combination; an empty segment reads zeros.
    """
    wide = floating("score", score)
    if score.dim() == 1:
        return segment_attend(score.unsqueeze(-1), value, index, ptr, dim_size).squeeze(1)
    check_scores(score, value)
    segments = resolve(index, ptr, dim_size, value.size(0), value.device, look=unseen(score))
    heads = (score.size(1), 1) if score.dim() == 2 else score.shape[1:]
    # The maximum of the softmax refuses what is no segment.
    weight = segment_softmax(wide.flatten(1), segments).unflatten(1, heads)  # [N, K, H]
    return segment_weighted_sum(weight, value, segments)


def segment_read(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    scale: float | None = None,
) -> Tensor:
    r"""What queries read from every segment by dot-product attention.

    .. math:: y_{s,k} = \sum_{i \in s} \mathrm{softmax}_{i \in s}\big(\gamma\, q_k^\top k_i\big)\, v_i

    Args:
        query: K queries for all segments [K, D], or for each its own [B, K, D].
        key: [N, D].
        value: [N, E].
        scale: gamma; 1 / sqrt(D) unless given.

    Returns:
        [B, K, E]; zeros for an empty segment. For heads, call it once a head.
    """
    _check_read(query, key, value)
    segments = resolve(index, ptr, dim_size, key.size(0), key.device)
    scale = 1.0 / math.sqrt(key.size(-1)) if scale is None else scale
    return segment_attend(segment_score(query, key, segments) * scale, value, segments)


def segment_score(
    query: Tensor,
    key: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
) -> Tensor:
    """Dot products of every key [N, D] with all queries [K, D], or with its segment's [B, K, D]: [N, K]."""
    _check_read(query, key, key)
    query, key = floating("query", query), floating("key", key)
    segments = resolve(index, ptr, dim_size, key.size(0), key.device)
    if query.dim() == 2:
        return key @ query.t()
    if query.size(0) != segments.size:
        raise ValueError(f"query of shape {tuple(query.shape)} must be [K, D] or [{segments.size}, K, D]")
    if query.dtype == key.dtype and read_by_products(segments, query.size(1)):
        sizes = torch.bincount(segments.segment, minlength=segments.size).tolist()
        return Scores.apply(query, key, segments.segment, sizes)
    at_entry = [q.index_select(0, segments.segment) for q in query.unbind(1)]
    return torch.stack([(key * q).sum(-1) for q in at_entry], dim=-1)


def check_scores(score: Tensor, value: Tensor, name: str = "score") -> None:
    """Refuses scores that do not stand for the rows, or their heads for the columns, of values."""
    shapes = f"{name} {tuple(score.shape)} and value {tuple(value.shape)}"
    if value.dim() != 2 or score.dim() not in (2, 3) or score.size(0) != value.size(0):
        raise ValueError(f"{shapes} must be [N, K] or [N, K, H] and [N, D]")
    if score.dim() == 3 and (score.size(2) == 0 or value.size(1) % score.size(2) != 0):
        raise ValueError(f"{shapes} must have H heads that divide D")


def _check_read(query: Tensor, key: Tensor, value: Tensor) -> None:
    if key.dim() != 2 or value.dim() != 2 or key.size(0) != value.size(0):
        raise ValueError(f"key {tuple(key.shape)} and value {tuple(value.shape)} must be [N, D] and [N, E]")
    if query.dim() not in (2, 3) or query.size(-1) != key.size(1):
        raise ValueError(
            f"query of shape {tuple(query.shape)} must be [K, D] or [B, K, D] with D={key.size(1)} as in key"
        )
