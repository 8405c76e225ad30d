"""Negatives: pairs of nodes that are not linked."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gpool.data.links.graph import LinkGraph
from gpool.data.links.split import Leak, LinkSplit

__all__ = ["Negatives", "non_links", "per_source_non_links", "with_negatives"]

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
    """For every link (i, j) ``each`` pairs (i, k) or (k, j) outside ``known``, and the index of its link.

    Either end stays with equal chance, if it has a k at all; k is uniform and may repeat. Shape:
    [M * each, 2] and [M * each].

    Raises:
        ValueError: a link of whose ends neither has a k.
    """
    keys = torch.cat([known[:, 0] * num_nodes + known[:, 1], known[:, 1] * num_nodes + known[:, 0]]).unique()
    full = torch.bincount(keys // num_nodes, minlength=num_nodes) >= num_nodes - 1
    stuck = full[links].all(1)
    if bool(stuck.any()):
        i, j = links[stuck][0].tolist()
        raise ValueError(
            f"link ({i}, {j}) has no negatives of its own: either end is in a known link or negative with "
            "every other node"
        )
    group = torch.arange(links.size(0)).repeat_interleave(each)
    ends, row = links[group], torch.arange(group.numel())
    stays = torch.randint(2, group.shape, generator=generator)
    stays = torch.where(full[ends[row, stays]], 1 - stays, stays)
    source = ends[row, stays]
    target = torch.randint(num_nodes, source.shape, generator=generator)
    wrong = torch.ones_like(target, dtype=torch.bool)
    while bool(wrong.any()):
        target[wrong] = torch.randint(num_nodes, (int(wrong.sum()),), generator=generator)
        wrong = (target == source) | torch.isin(source * num_nodes + target, keys)
    ends[row, 1 - stays] = target
    return ends, group


def with_negatives(
    positives: tuple[Tensor, Tensor, Tensor],
    graph: LinkGraph,
    negatives: Negatives,
    each: int,
    generator: torch.Generator,
    allow: tuple[Leak, ...] = (),
) -> LinkSplit:
    """The split of training, validation and test links, with negatives drawn.

    A negative is no link of the graph or of any part, and stands in one part. There is one per training link,
    and ``each`` per link of the other parts. ``negatives="per-source"`` gives these negatives of their own,
    see :func:`per_source_non_links`.

    Raises:
        ValueError: a graph without enough non-links.
    """
    train, val, test = positives
    size, taken = graph.num_nodes, torch.cat([graph.pairs, *positives])
    drawn: list[tuple[Tensor, Tensor | None]] = []
    for links in (test, val):
        neg, group = (
            per_source_non_links(links, taken, size, each, generator)
            if negatives == "per-source"
            else (non_links(taken, size, each * links.size(0), generator), None)
        )
        drawn.append((neg, group))
        taken = torch.cat([taken, neg])
    (test_neg, test_group), (val_neg, val_group) = drawn
    train_neg = non_links(taken, size, train.size(0), generator)
    return LinkSplit(train, train_neg, val, val_neg, test, test_neg, val_group, test_group, allow)
