"""A gate for every entry of a segment, whose mean is given: a logistic with a bias for each segment."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.checks.arguments import length_along
from gpool.ops.precision import floating
from gpool.ops.segment import Segments, resolve, segment_count, segment_max, segment_min, segment_sum
from gpool.ops.segment._rows import as_rows, from_rows

__all__ = ["budget_gate"]


def _bisected(score: Tensor, at: Tensor, target: Tensor, middle: Tensor, width: Tensor, times: int) -> Tensor:
    """The b [B] within middle +- width at which the gates add up to the target; Newton errs at flat gates."""
    for _ in range(times):
        width = width / 2
        gate = (score + middle.index_select(0, at)).sigmoid()
        total = torch.zeros_like(middle).index_add(0, at, gate)
        middle = middle + width * (target - total).sign()
    return middle


def _solved(score: Tensor, segments: Segments, share: Tensor) -> Tensor:
    """Gates [N] without a gradient; all of them are 1 where the share is."""
    at, full, precise = segments.segment, share >= 1, score.dtype == torch.float64
    share = share.masked_fill(full, 0.5)
    target = share * segment_count(segments)
    low = share.logit() - segment_max(score, segments)  # all gates are at most the share here, ...
    high = share.logit() - segment_min(score, segments)  # ... and at least the share here
    bias = _bisected(score, at, target, (low + high) / 2, (high - low) / 2, 54 if precise else 24)
    # The digits of a number of this size end here. Scores that lie close to -b have more of their own.
    score = score + bias.index_select(0, at)
    few = 8 * torch.finfo(score.dtype).eps * torch.maximum(low.abs(), high.abs())
    rest = _bisected(score, at, target, torch.zeros_like(bias), few, 18)
    gate = (score + rest.index_select(0, at)).sigmoid()
    return gate.masked_fill(full.index_select(0, at), 1.0)


def _pulled(gate: Tensor, grad: Tensor, segments: Segments) -> Tensor:
    """The implicit gradient s (h - sum(s h) / sum(s)) with s = gate (1 - gate), for what arrives, h."""
    slope = gate * (1 - gate)
    total = segment_sum(slope, segments).clamp(min=torch.finfo(gate.dtype).tiny)
    mean = segment_sum(slope * grad, segments) / total
    return slope * (grad - mean.index_select(0, segments.segment))


class _BudgetGate(torch.autograd.Function):
    @staticmethod
    def forward(score: Tensor, at: Tensor, size: int, share: Tensor) -> Tensor:
        return _solved(score, Segments(at, size), share)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output, inputs[1])
        ctx.size = inputs[2]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        gate, at = ctx.saved_tensors
        return _pulled(gate, grad, Segments(at, ctx.size)), None, None, None


def _plain(score: Tensor, at: Tensor, size: int, share: Tensor) -> Tensor:
    """In operations that compilers know: a linear term, zero in value, carries the gradient."""
    gate = _solved(score.detach(), Segments(at, size), share)
    return gate + _pulled(gate, score - score.detach(), Segments(at, size))


def budget_gate(
    score: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
    *,
    keep: float | Tensor = 0.3,
) -> Tensor:
    r"""A logistic gate whose mean over every segment is ``keep``: a budget where a softmax has a sum of 1.

    .. math:: g_i = \sigma(a_i + b_s), \qquad b_s \text{ such that }
              \frac{1}{n_s} \sum_{i \in s} g_i = \mathrm{keep}

    A constant added to all scores of a segment changes nothing; equal scores give gates of ``keep``; scores
    far apart select: 1 for the best entries, 0 for the others. b is found by bisection, in 42 passes over
    the scores (72 in float64), and the gradient is that of the implicit function. Differentiable twice;
    compiled once. Half types are solved in float32.

    Args:
        score: finite scores a.
        keep: the mean, in (0, 1], or one for each segment [B]; it gets no gradient. 1 gives gates of 1.

    Shape:
        score [N, ...], reduced along ``dim`` -> the same. An empty segment has no gates; the one entry of a
        segment has ``keep``.

    Raises:
        ValueError: keep is a number outside of (0, 1], or not one for each segment.

    Example:
        >>> score, index = torch.tensor([0.0, 0.0, 9.0, -9.0, 5.0]), torch.tensor([0, 0, 1, 1, 2])
        >>> budget_gate(score, index, dim_size=3, keep=0.5).round(decimals=2)
        tensor([0.5000, 0.5000, 1.0000, 0.0000, 0.5000])
    """
    segment, size, _ = resolve(index, ptr, dim_size, length_along(score, dim), score.device)
    rows = as_rows(floating("score", score), dim)  # [N, D]
    width = rows.size(1)
    share = _share(keep, rows, size).repeat_interleave(width)
    at = (segment.unsqueeze(1) * width + torch.arange(width, device=segment.device)).view(-1)
    gates = _plain if torch.compiler.is_compiling() else _BudgetGate.apply
    gate = gates(rows.reshape(-1), at, size * width, share)
    return from_rows(gate.view(rows.shape).to(score.dtype), score, dim)


def _share(keep: float | Tensor, like: Tensor, size: int) -> Tensor:
    if isinstance(keep, Tensor):
        if keep.shape != (size,):
            raise ValueError(
                f"keep of shape {tuple(keep.shape)} must be a number or one for each of {size} segments"
            )
        return keep.detach().to(like.dtype)
    if not 0 < keep <= 1:
        raise ValueError(f"keep={keep} must lie in (0, 1]")
    return like.new_full((size,), keep)
