"""Ties that rounding does not break: what counts as equal, and equal entries in the order of their ids.

The same node gets a slightly different score in another batch, because a matrix product rounds each row by
its place. Comparing scores exactly would let that decide between equal nodes, and a prediction would depend
on the other graphs of its batch. So scores that are this close are equal, and ids decide.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.masks import positions
from gpool.ops.precision import HALF
from gpool.ops.sorted_keys import sort_keys

__all__ = ["near", "order_ties"]

SPAN = 8  # a run of near-equal scores that is longer than so many tolerances is dense data, not a tie


def near(dtype: torch.dtype) -> float:
    """The relative difference below which two scores of this type are equal.

    100 units in the last place, 1.2e-5 in float32 and 2.2e-14 in float64, which covers the rounding of an
    encoder of several layers. Two units in half precision, which has no more digits to give: 2e-3 in float16
    and 1.6e-2 in bfloat16.
    """
    return (2 if dtype in HALF else 100) * torch.finfo(dtype).eps


def order_ties(order: Tensor, value: Tensor, group: Tensor, within: float, floor: Tensor | float) -> Tensor:
    """Rearrange ``order`` so that near-equal values of a group stand in the order of their ids.

    The tolerance of a value v is ``within`` max(|v|, floor). Values tie where each differs from the next by
    at most the larger tolerance of the two, and the whole run by at most :data:`SPAN` of them. The values of
    a large graph can lie so close that all would form one run; those stay in their exact order.

    Args:
        order: ids, sorted by group and then by falling value [N].
        value: their values [N], in that order.
        group: their groups [N], in that order.
        within: relative tolerance, such as :func:`near` of the type of the values.
        floor: what counts at least as the size of a value: a number, or one for each id [N].

    On the CPU the cost is a few passes where nothing ties; elsewhere and in traces it is one more sort.
    """
    position = torch.arange(order.numel(), device=order.device)
    if order.device.type != "cpu" or torch.compiler.is_compiling():
        return _reordered(position, order, value, group, _tolerance(value, order, within, floor))
    if order.numel() < 2:
        return order
    low, high = (abs(float(v)) for v in torch.aminmax(value))
    largest = max(low, high, float(floor.max()) if isinstance(floor, Tensor) else floor)
    candidate = value[:-1] - value[1:] <= within * largest
    first = positions(candidate)
    if first.numel() == 0:
        return order
    first = first.index_select(0, positions(group[first] == group[first + 1]))
    touched = torch.zeros_like(order, dtype=torch.bool)
    touched[first] = True
    touched[first + 1] = True
    position = positions(touched)
    order_, value, group = (v.index_select(0, position) for v in (order, value, group))
    found = _reordered(position, order_, value, group, _tolerance(value, order_, within, floor))
    return order.index_copy(0, position, found)


def _tolerance(value: Tensor, order: Tensor, within: float, floor: Tensor | float) -> Tensor:
    if isinstance(floor, Tensor):
        return torch.maximum(value.abs(), floor.index_select(0, order).to(value.dtype)) * within
    return value.abs().clamp(min=floor) * within


def _reordered(position: Tensor, order: Tensor, value: Tensor, group: Tensor, tolerance: Tensor) -> Tensor:
    """The same for entries that stand at these positions, of which only neighbors can tie."""
    place = torch.arange(order.numel(), device=order.device)
    before = (place - 1).clamp(min=0)
    gap = value.index_select(0, before) - value
    tied = (gap <= torch.maximum(tolerance.index_select(0, before), tolerance)) & (place > 0)
    tied = (
        tied & (group.index_select(0, before) == group) & (position.index_select(0, before) == position - 1)
    )
    run = (~tied).cumsum(0) - 1
    low, high = torch.full_like(value, torch.inf), torch.full_like(value, -torch.inf)
    length = high.scatter_reduce(0, run, value, "amax") - low.scatter_reduce(0, run, value, "amin")
    widest = torch.zeros_like(tolerance).scatter_reduce(0, run, tolerance, "amax")
    first = torch.full_like(place, order.numel()).scatter_reduce(0, run, place, "amin")
    fits = (length <= SPAN * widest).index_select(0, run)
    rank = torch.where(fits, first.index_select(0, run), place)
    bits = 31  # of an id or a place: graphs have less than 2^31 nodes and edges
    return order.index_select(0, sort_keys((rank << bits) + order, 1 << 2 * bits)[1])
