"""Ragged attention whose every shape follows from the number of nodes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpool.ops.segment import segment_count

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

    With the nodes sorted by graph and cut into chunks of c = ``max_size`` rows, the graph of any row of a
    chunk lies in that chunk and its two neighbours: [T, c] queries meet [T, 3 c] keys.
    """
    order = index.argsort(stable=True)
    chunk = max_size
    q, graph = _cut(query, order, chunk, 0), _cut_index(index, order, chunk, 0)  # [T, c, H, D], [T, c]
    k, v = (_around(_cut(x, order, chunk, 1)) for x in (key, value))  # [T, 3 c, H, D]
    mask = graph[:, :, None] == _around(_cut_index(index, order, chunk, 1))[:, None, :]  # [T, c, 3 c]
    if zero_token:
        k, v = (F.pad(x, (0, 0, 0, 0, 0, 1)) for x in (k, v))
        mask = F.pad(mask, (0, 1), value=True)
    y = F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask[:, None], dropout_p=dropout
    )
    rows = y.transpose(1, 2).reshape(-1, *query.shape[1:])[: index.numel()]  # sorted, [N, H, D]
    out = torch.empty_like(query).index_copy(0, order, rows)
    too_large = (segment_count(index, dim_size=dim_size) > max_size).index_select(0, index)
    return out.masked_fill(too_large[:, None, None], float("nan"))


def _cut(x: Tensor, order: Tensor, chunk: int, margin: int) -> Tensor:
    """Sorted rows in whole chunks, ``margin`` chunks of zeros at both ends: [T + 2 margin, c, H, D]."""
    rows = x.index_select(0, order)
    before, after = margin * chunk, _fill(rows.size(0), chunk) + margin * chunk
    return F.pad(rows, (0, 0, 0, 0, before, after)).view(-1, chunk, *x.shape[1:])


def _cut_index(index: Tensor, order: Tensor, chunk: int, margin: int) -> Tensor:
    """The graph of those rows, -1 for the rows of zeros: [T + 2 margin, c]."""
    before, after = margin * chunk, _fill(index.numel(), chunk) + margin * chunk
    return F.pad(index.index_select(0, order), (before, after), value=-1).view(-1, chunk)


def _fill(rows: int, chunk: int) -> int:
    """Rows that are missing from the last chunk."""
    return (rows + chunk - 1) // chunk * chunk - rows


def _around(x: Tensor) -> Tensor:
    """Every chunk with the one before and the one after: [T + 2, c, ...] -> [T, 3 c, ...]."""
    return torch.cat([x[:-2], x[1:-1], x[2:]], dim=1)
