"""Negatives: pairs of nodes that are not linked."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["Negatives", "non_links", "per_source_non_links"]

Negatives = Literal["random", "given", "per-source"]


def non_links(links: Tensor, num_nodes: int, count: int, generator: torch.Generator) -> Tensor:
    """``count`` different pairs i < j, uniform among those that are not in ``links``: [count, 2].

    Raises:
        ValueError: there are not so many.
    """
    known = torch.unique(links.amin(1) * num_nodes + links.amax(1))
    left = num_nodes * (num_nodes - 1) // 2 - known.numel()
    if left < count:
        raise ValueError(
            f"the graph has {left} pairs that are not linked, {count} are asked for; "
            "it is too dense to draw negatives"
        )
    if num_nodes <= 2048:  # all pairs, then a draw
        every = torch.combinations(torch.arange(num_nodes))
        every = every[~torch.isin(every[:, 0] * num_nodes + every[:, 1], known)]
        return every[torch.randperm(every.size(0), generator=generator)[:count]]
    found = known[:0]
    while found.numel() < count:  # draw, drop what is known, drop what came twice
        drawn = torch.randint(num_nodes, (2, 2 * (count - found.numel()) + 16), generator=generator)
        keys = drawn.amin(0) * num_nodes + drawn.amax(0)
        keys = keys[(drawn[0] != drawn[1]) & ~torch.isin(keys, known)]
        both, first = torch.cat([found, keys]).unique(return_inverse=True)
        seen = torch.full((both.numel(),), first.numel()).scatter_reduce(
            0, first, torch.arange(first.numel()), "amin"
        )
        found = torch.cat([found, keys])[seen.sort().values]
    found = found[:count]
    return torch.stack([found // num_nodes, found % num_nodes], dim=1)


def per_source_non_links(
    links: Tensor, known: Tensor, num_nodes: int, each: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """For every link (i, j) ``each`` unlinked pairs (i, k) and, per negative, the index of its positive.

    k is uniform and may repeat. Shape: [M * each, 2] and [M * each].

    Raises:
        ValueError: a node that is linked to all others.
    """
    keys = torch.unique(
        torch.cat([known[:, 0] * num_nodes + known[:, 1], known[:, 1] * num_nodes + known[:, 0]])
    )
    degree = torch.bincount(keys // num_nodes, minlength=num_nodes)
    full = degree[links[:, 0]] >= num_nodes - 1
    if bool(full.any()):
        raise ValueError(
            f"node {int(links[full][0, 0])} is linked to every other node; it has no negatives of its own"
        )
    group = torch.arange(links.size(0)).repeat_interleave(each)
    source = links[group, 0]
    target = torch.randint(num_nodes, source.shape, generator=generator)
    while True:
        wrong = (target == source) | torch.isin(source * num_nodes + target, keys)
        if not bool(wrong.any()):
            return torch.stack([source, target], dim=1), group
        target[wrong] = torch.randint(num_nodes, (int(wrong.sum()),), generator=generator)
