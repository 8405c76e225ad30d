"""Ragged attention whose every shape follows from the number of nodes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpool.ops.segment import Segments, segment_broadcast, segment_count, segment_sum

__all__ = ["band_attention"]


def band_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor,
    dim_size: int,
    max_size: int,
    dropout: float,
    zero_token: bool,
) -> Tensor:
    """See :func:`gpool.ops.attention.ragged_attention`: [N, H, D] -> [N, H, D].

    With the nodes sorted by graph and cut into tiles of c = ``max_size`` rows, the graph of any row of a
    tile lies in that tile and its two neighbors: [T, c] queries meet [T, 3 c] keys. A graph with an
    entry that is not finite gives NaN, and so does one that is larger than ``max_size``.
    """
    if index.numel() == 0:
        return value
    segments = Segments(index, dim_size)
    spoilt = ~(query + key + value).isfinite().all(-1).all(-1)  # [N]; a weight of 0 would not stop these
    spoilt_graph = segment_sum(spoilt.long(), segments) > 0
    query, key, value = (v.masked_fill(spoilt[:, None, None], 0.0) for v in (query, key, value))
    tile, rows = max_size, torch.arange(index.numel(), device=index.device)
    order = index.argsort(stable=True)
    node, graph = _around(order, index, tile)  # [T, 3 c] each
    own = slice(tile, 2 * tile)
    mask = graph[:, own, None] == graph[:, None, :]  # [T, c, 3 c]
    q, k, v = query[node[:, own]], key[node], value[node]  # [T, c, H, D], [T, 3 c, H, D] twice
    if zero_token:
        k, v = (F.pad(x, (0, 0, 0, 0, 0, 1)) for x in (k, v))
        mask = F.pad(mask, (0, 1), value=True)
    y = F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask[:, None], dropout_p=dropout
    )  # [T, H, c, D]
    place = torch.empty_like(order).index_copy(0, order, rows)  # of every node in the sorted order
    out = y[place // tile, :, place % tile]  # [N, H, D]
    too_large = segment_count(segments) > max_size
    nothing = segment_broadcast(too_large | spoilt_graph, segments)
    return out.masked_fill(nothing[:, None, None], float("nan"))


def _around(order: Tensor, index: Tensor, tile: int) -> tuple[Tensor, Tensor]:
    """Nodes of every tile and its two neighbors; their graphs, -1 before the first and after the last."""
    nodes = order.numel()
    tiles = (nodes + tile - 1) // tile + 1  # never 1, which torch.export would take for a constant
    first = torch.arange(tiles, device=order.device) * tile
    place = first[:, None] + torch.arange(-tile, 2 * tile, device=order.device)  # [T, 3 c]
    inside = (place >= 0) & (place < nodes)
    node = order[place.clamp(min=0, max=nodes - 1)]
    return node, torch.where(inside, index[node], -1)
