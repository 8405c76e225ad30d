"""The walk profile the slow and obvious way: dense matrices, their powers, one subgraph at a time."""

from __future__ import annotations

import torch
from torch import Tensor


def transition(logits: Tensor, edges: Tensor, keep: Tensor, nodes: int) -> Tensor:
    """Row c: a softmax over the kept edges that end in c, parallel ones added."""
    rows = []
    for c in range(nodes):
        row = [logits.new_zeros(()) for _ in range(nodes)]
        mine = [e for e in range(edges.size(1)) if bool(keep[e]) and int(edges[1, e]) == c]
        if mine:
            share = torch.softmax(torch.stack([logits[e] for e in mine]), 0)
            for p, e in zip(share, mine, strict=True):
                row[int(edges[0, e])] = row[int(edges[0, e])] + p
        rows.append(torch.stack(row))
    return torch.stack(rows)


def profile(
    logits: Tensor, edges: Tensor, is_target: Tensor, pair: tuple[int, int], nodes: int, walk_length: int
) -> Tensor:
    """The features of one subgraph; logits [E, H] -> [H (5 L + 1)]."""
    i, j = pair
    parts: list[list[Tensor]] = [[] for _ in range(6)]
    for h in range(logits.size(1)):
        plus = transition(logits[:, h], edges, torch.ones_like(is_target), nodes)
        minus = transition(logits[:, h], edges, ~is_target, nodes)
        parts[1].append(logits[is_target, h].sigmoid().sum())
        p, m = plus, minus
        for _ in range(walk_length):
            p, m = p @ plus, m @ minus
            parts[0].append(p.trace() - m.trace())
            parts[2].append(p[i, i] + p[j, j])
            parts[3].append(m[i, i] + m[j, j])
            parts[4].append(p[i, j] + p[j, i])
            parts[5].append(m[i, j] + m[j, i])
    return torch.stack([x for part in parts for x in part])
