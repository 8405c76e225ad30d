"""The best nodes of every graph, by one sort of one integer key."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from gpool.ops.checks.arguments import check_count, check_integers, checked_size, readable
from gpool.ops.masks import positions
from gpool.ops.partition.ties import order_ties
from gpool.ops.segment import Segments, segment_count
from gpool.ops.sorted_keys import sort_keys

__all__ = ["exact_ratio", "keep_count", "topk_select"]


def exact_ratio(ratio: float | int) -> Fraction | int:
    """A share as the fraction that its decimal form names: 0.3 is 3/10, 1 / 3 is one third. An int is a
    count.

    Compilers do not see the digits of a number, so a layer that is to be compiled does this at construction.

    Raises:
        ValueError: the ratio is not a float in (0, 1] or an int of at least 1.
    """
    if isinstance(ratio, bool) or not isinstance(ratio, (float, int)):
        raise ValueError(f"ratio={ratio!r} must be a float in (0, 1] or an int of at least 1")
    if isinstance(ratio, int):
        if ratio < 1:
            raise ValueError(
                f"ratio={ratio} is a count and must be at least 1; for a share give a float in (0, 1]"
            )
        return ratio
    if not 0.0 < ratio <= 1.0:
        raise ValueError(f"ratio={ratio} is a share and must lie in (0, 1]; for a count give an int")
    share = Fraction(str(ratio)).limit_denominator(10**9)
    return share if share > 0 else Fraction(1, 10**9)


def keep_count(size: Tensor, ratio: float | int | Fraction) -> Tensor:
    """How many entries of every graph a ratio keeps: ceil(ratio n), no rounding errors; 0 of an empty graph.

    A float is read by :func:`exact_ratio`, so that no rounding error reaches the ceiling; 1.0 keeps all. An
    int is a count.

    Args:
        size: entries of every graph, int64 [B].
        ratio: float in (0, 1], its exact fraction, or int of at least 1.

    Raises:
        ValueError: the ratio is outside of these.
    """
    share = ratio if isinstance(ratio, Fraction) else exact_ratio(ratio)
    if isinstance(share, int):
        return size.clamp(max=share)
    return (size * share.numerator + (share.denominator - 1)).div(share.denominator, rounding_mode="floor")


def _ascending(score: Tensor) -> Tensor:
    """float32 [N] -> int64 [N] in [-2^31, 2^31) of the same order; 0.0 and -0.0 are one value."""
    bits = (score + 0.0).view(torch.int32)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).long()


def topk_select(
    score: Tensor,
    batch: Tensor | Segments,
    count: Tensor,
    batch_size: int,
    within: float | None = None,
    floor: Tensor | float = 1.0,
) -> Tensor:
    """The ids of the ``count`` highest scores of every graph: grouped by graph, best first, ties by lower id.

    One stable sort of the key (graph, -score) packed into 64 bits; a float64 score, which leaves no bits
    for the graph, takes two. The batch vector may be in any order.

    Args:
        batch: the graph of every score, or segments that were checked before.
        within, floor: scores tie that differ by at most ``within`` max(|score|, floor), see
            :func:`gpool.ops.partition.ties.order_ties`; only equal ones by default.

    Shape:
        - score [N], batch int64 [N], count int64 [B], floor [N] or a number -> int64 [sum of count], no
          entry more than there are. An empty graph contributes nothing.

    Raises:
        TypeError: score is not floating point; batch or count does not hold integers.
        ValueError: a shape does not fit.
        IndexError: an entry of batch does not lie in 0 .. batch_size - 1 (looked at on the CPU only).
    """
    if not isinstance(batch, Segments):
        _check(score, batch, count, batch_size)
        batch = Segments(batch.long(), batch_size)  # an int32 batch has no bits for the key below
    return _topk(score.detach(), batch, count, within, floor)


def _topk(
    score: Tensor, segments: Segments, count: Tensor, within: float | None, floor: Tensor | float
) -> Tensor:
    batch, batch_size, _ = segments
    if score.dtype == torch.float64:
        order = torch.argsort(score, descending=True, stable=True)
        graph, inner = torch.sort(batch[order], stable=True)
        order = order[inner]
    else:
        key = (batch << 32) + (2**31 - 1 - _ascending(score.float()))
        key, order = sort_keys(key, batch_size << 32)
        graph = key >> 32
    if within is not None:
        order = order_ties(order, score.index_select(0, order), graph, within, floor)
    size = segment_count(segments)
    start = size.cumsum(0) - size
    rank = torch.arange(order.numel(), device=order.device) - start.index_select(0, graph)
    return order.index_select(0, positions(rank < count.index_select(0, graph)))


def _check(score: Tensor, batch: Tensor, count: Tensor, batch_size: int) -> None:
    check_count("batch_size", batch_size)
    check_integers("batch", batch)
    check_integers("count", count)
    if not isinstance(score, Tensor) or not score.is_floating_point():
        raise TypeError(f"score={score!r} must be a floating point tensor")
    if score.dim() != 1 or batch.shape != score.shape:
        raise ValueError(
            f"score of shape {tuple(score.shape)} and batch of shape {tuple(batch.shape)} must be [N] both"
        )
    if count.shape != (batch_size,):
        raise ValueError(f"count of shape {tuple(count.shape)} must be [B] for batch_size={batch_size}")
    if readable(batch):
        checked_size("batch", batch, batch_size, "batch_size")
