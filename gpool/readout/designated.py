"""The state of one designated node of every graph."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.checks.arguments import check_integers, readable
from gpool.ops.segment import Segments, segment_count

__all__ = ["states_of"]


def states_of(query_index: Tensor, nodes: Tensor, segments: Segments) -> Tensor:
    """The state of one node of every graph, zeros for -1: [B], [N, C] -> [B, C].

    Raises:
        ValueError: an entry is no node of its graph, or not -1 for an empty one; looked at on the CPU only.
    """
    check_integers("query_index", query_index)
    if query_index.shape != (segments.size,):
        shape = tuple(query_index.shape)
        raise ValueError(f"query_index of shape {shape} must be ({segments.size},), one node per graph")
    chosen = query_index.long()
    if readable(chosen):
        _check_owner(chosen, segments)
    padded = torch.cat([nodes, nodes.new_zeros(1, nodes.size(1))])
    return padded.index_select(0, chosen.masked_fill(chosen < 0, nodes.size(0)))


def _check_owner(chosen: Tensor, segments: Segments) -> None:
    length = segments.segment.numel()
    owner = torch.cat([segments.segment, segments.segment.new_full((1,), -1)])  # no graph owns entry N
    graph = torch.arange(segments.size, device=chosen.device)
    wanted = graph.masked_fill(segment_count(segments) == 0, -1)
    inside = (chosen >= -1) & (chosen < length)
    right = inside & (owner[torch.where(inside & (chosen >= 0), chosen, length)] == wanted)
    if not right.all():
        g = int((~right).nonzero()[0])
        must = "a node of that graph" if int(wanted[g]) >= 0 else "-1, as that graph has no nodes"
        raise ValueError(f"query_index[{g}]={int(chosen[g])} must be {must}")
