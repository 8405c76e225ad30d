"""Ragged attention, one kernel call for all graphs of a similar size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gpool.ops.checks.arguments import readable
from gpool.ops.segment import Segments, segment_count
from gpool.ops.sorted_keys import sort_keys

__all__ = ["bucket_attention", "compare_sizes"]

STEP = 8  # a small graph is padded to the next multiple; measured best of 1, 4, 8, 16 and powers of 1.25
EXACT = 128  # larger graphs are never padded: a mask costs more there than the calls it saves


class Bucket(NamedTuple):
    """Graphs that are attended in one call."""

    width: int  # rows a graph
    padded: bool  # whether some of them are no node's, and a mask is needed
    graphs: list[int]


def bucket_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor,
    dim_size: int,
    sizes: Sequence[int] | None,
    dropout: float,
    zero_token: bool,
) -> Tensor:
    """See :func:`gpool.ops.attention.ragged_attention`: [N, H, D] -> [N, H, D]."""
    count = segment_count(Segments(index, dim_size))  # [B]
    if sizes is not None:
        compare_sizes(sizes, count)
    host = count.tolist() if sizes is None else sizes  # the one synchronization
    buckets = make_buckets(host, zero_token)
    if not buckets:
        return value  # no rows
    slot = _slots(buckets, host, index, count)  # [N], a row of the padded arrangement for every node
    rows = [bucket.width * len(bucket.graphs) for bucket in buckets]
    parts = [_arrange(x, slot, sum(rows)).split(rows) for x in (query, key, value)]  # [b w, H, D] each
    out = []
    for bucket, q, k, v in zip(buckets, *parts, strict=True):
        shape = (len(bucket.graphs), bucket.width, *query.shape[1:])
        mask = _mask([host[g] for g in bucket.graphs], bucket, zero_token, query.device)
        y = F.scaled_dot_product_attention(
            q.view(shape).transpose(1, 2),
            k.view(shape).transpose(1, 2),
            v.view(shape).transpose(1, 2),
            attn_mask=mask,
            dropout_p=dropout,
        )  # [b, H, w, D]
        out.append(y.transpose(1, 2).flatten(0, 1))
    return torch.cat(out).index_select(0, slot)


def compare_sizes(sizes: Sequence[int], count: Tensor) -> None:
    """Refuses sizes that are not the counts of the index's graphs, where these may be looked at."""
    if readable(count) and (found := count.tolist()) != list(sizes):
        graph = next(g for g, size in enumerate(sizes) if size != found[g])
        raise ValueError(
            f"sizes[{graph}]={sizes[graph]} disagrees with index, where that graph has {found[graph]} nodes"
        )


def make_buckets(sizes: Sequence[int], zero_token: bool) -> list[Bucket]:
    """Group the graphs that are not empty; the width depends on a graph's own size alone."""
    groups: dict[tuple[int, bool], list[int]] = {}
    for graph, size in enumerate(sizes):
        if size > 0:
            keys = size + int(zero_token)
            width = keys if keys > EXACT else -(-keys // STEP) * STEP
            groups.setdefault((width, width > keys), []).append(graph)
    return [Bucket(width, padded, graphs) for (width, padded), graphs in sorted(groups.items())]


def _slots(buckets: list[Bucket], sizes: Sequence[int], index: Tensor, count: Tensor) -> Tensor:
    """Row of every node where all buckets lie one behind the other, graph by graph: [N]."""
    offset, done = [0] * len(sizes), 0
    for width, _, graphs in buckets:
        for graph in graphs:
            offset[graph] = done
            done += width
    start = count.cumsum(0) - count  # [B], first row of a graph once the nodes are sorted
    shift = torch.tensor(offset, device=index.device) - start  # [B]
    order = sort_keys(index, len(sizes))[1]
    row = torch.arange(index.numel(), device=index.device) + shift.index_select(
        0, index.index_select(0, order)
    )
    return torch.empty_like(order).index_copy_(0, order, row)


def _arrange(x: Tensor, slot: Tensor, total: int) -> Tensor:
    """Rows at their slots, zeros between: [N, H, D] -> [T, H, D]."""
    return x.new_zeros(total, *x.shape[1:]).index_copy(0, slot, x)


def _mask(sizes: list[int], bucket: Bucket, zero_token: bool, device: torch.device) -> Tensor | None:
    """Which keys are a node's, or the zero token's: [b, 1, 1, w]."""
    if not bucket.padded:
        return None
    keys = torch.tensor(sizes, device=device) + int(zero_token)
    return (torch.arange(bucket.width, device=device) < keys[:, None])[:, None, None, :]
