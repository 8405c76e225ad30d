"""Reductions over ragged segments, given by an ``index`` in any order or by a sorted ``ptr``.

Every function takes ``x`` and reduces along ``dim`` (default 0), whose entry ``i`` belongs to segment
``index[i]``, or to segment ``s`` with ``ptr[s] <= i < ptr[s + 1]``. ``dim_size`` is the number of segments
B; without it and without ``ptr`` it is read off the index, which synchronizes with the device.
An empty segment reduces to zero in every function that returns one row per segment.

An index or ptr of any integer type will do. On the CPU its values are looked at, once per call, and an entry
that is no segment, or a ptr that falls, is refused with an error that names it. ``GPOOL_CHECK_VALUES=0`` in
the environment, or ``with gpool.ops.checks.check_values(False):``, switches this look off; it costs 2 to 10
microseconds for 15,000 to 100,000 entries. On other devices, and under torch.compile, nothing is looked at.
An index that serves several calls can be checked once: ``segments = resolve(index, None, dim_size, n)`` of
:mod:`gpool.ops.segment._index` stands for ``index`` in all of them.

Half types are added up in float32. All functions are differentiable twice. Those whose backward pays for
being written by hand run as an autograd Function; under torch.compile and torch.export they are plain
operations. They have no rule for forward-mode derivatives and ``torch.func.vmap``.

Example:
    >>> import torch
    >>> x, index = torch.tensor([1.0, 5.0, 2.0]), torch.tensor([0, 2, 0])
    >>> segment_sum(x, index, dim_size=4)
    tensor([3., 0., 5., 0.])
    >>> segment_max(x, ptr=torch.tensor([0, 2, 3]))
    tensor([5., 2.])
"""

from gpool.ops.segment._index import Segments, resolve, unseen
from gpool.ops.segment.attend import segment_attend, segment_read, segment_score, segment_weighted_sum
from gpool.ops.segment.logsumexp import segment_logsumexp
from gpool.ops.segment.magnitude import Magnitude
from gpool.ops.segment.norm import segment_norm
from gpool.ops.segment.power_attend import segment_power_attend
from gpool.ops.segment.reduce import (
    segment_broadcast,
    segment_count,
    segment_max,
    segment_mean,
    segment_min,
    segment_sum,
)
from gpool.ops.segment.softmax import segment_softmax

__all__ = [
    "Magnitude",
    "Segments",
    "resolve",
    "segment_attend",
    "segment_broadcast",
    "segment_count",
    "segment_logsumexp",
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_norm",
    "segment_power_attend",
    "segment_read",
    "segment_score",
    "segment_softmax",
    "segment_sum",
    "segment_weighted_sum",
    "unseen",
]
