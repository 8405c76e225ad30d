"""Links of a graph for training, validation and testing, and negatives: pairs that are not linked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor

from gpool.data.links.graph import LinkGraph

__all__ = ["LinkSplit", "Negatives", "non_links", "per_source_non_links", "random_split"]

Negatives = Literal["random", "given", "per-source"]


@dataclass(frozen=True)
class LinkSplit:
    """Links (``_pos``) and negatives (``_neg``) of every part, each [., 2].

    ``val_group``, ``test_group``: for every negative the position of the positive it is ranked against, where
    each positive has negatives of its own.
    """

    train_pos: Tensor
    train_neg: Tensor
    val_pos: Tensor
    val_neg: Tensor
    test_pos: Tensor
    test_neg: Tensor
    val_group: Tensor | None = None
    test_group: Tensor | None = None

    def __post_init__(self) -> None:
        for f in fields(self):
            pairs = getattr(self, f.name)
            if not f.name.endswith("group") and (pairs.dim() != 2 or pairs.size(1) != 2):
                raise ValueError(f"{f.name} of shape {tuple(pairs.shape)} must be [., 2]")
        for name in ("train_pos", "val_pos", "test_pos"):
            if getattr(self, name).size(0) == 0:
                raise ValueError(f"{name} is empty; the graph has too few links for this split")
        for part in ("val", "test"):
            self._check_group(part)

    def _check_group(self, part: str) -> None:
        group, links = getattr(self, f"{part}_group"), getattr(self, f"{part}_pos").size(0)
        if group is None:
            return
        if group.shape != getattr(self, f"{part}_neg").shape[:1]:
            raise ValueError(
                f"{part}_group of shape {tuple(group.shape)} must be one position for each row of {part}_neg"
            )
        wrong = (group < 0) | (group >= links)
        if bool(wrong.any()):
            k = int(wrong.nonzero()[0])
            raise ValueError(
                f"{part}_group[{k}] = {int(group[k])} must be one of 0 .. {links - 1}, the rows of {part}_pos"
            )

    def parts(self) -> dict[str, Tensor]:
        """The pairs of every part, by its name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.name.endswith("group")}

    @classmethod
    def with_validation(
        cls,
        train_pos: Tensor,
        train_neg: Tensor,
        test_pos: Tensor,
        test_neg: Tensor,
        val_fraction: float,
        seed: int,
    ) -> LinkSplit:
        """Set ``val_fraction`` of the training links, and of the training non-links, aside for validation."""
        generator = torch.Generator().manual_seed(seed)

        def divide(pairs: Tensor) -> tuple[Tensor, Tensor]:
            order = torch.randperm(pairs.size(0), generator=generator)
            held = max(1, int(val_fraction * pairs.size(0)))
            return pairs[order[held:]], pairs[order[:held]]

        (train_pos, val_pos), (train_neg, val_neg) = divide(train_pos), divide(train_neg)
        return cls(train_pos, train_neg, val_pos, val_neg, test_pos, test_neg)


def random_split(
    graph: LinkGraph,
    val_fraction: float = 0.05,
    test_fraction: float = 0.1,
    seed: int = 0,
    negatives: Negatives = "random",
    negatives_per_link: int = 1,
) -> LinkSplit:
    """A random split of the links, with negatives drawn once.

    Test negatives avoid every link. Those of training and validation avoid the training links only: who
    trains does not know the others, so a few of them may be links of the test part.

    ``negatives="per-source"`` gives every validation and test link (i, j) ``negatives_per_link`` pairs (i, k)
    of its own.

    Raises:
        ValueError: fractions that leave a part empty, a graph without enough non-links.
    """
    for name, share in {"val_fraction": val_fraction, "test_fraction": test_fraction}.items():
        if not 0.0 < share < 1.0:
            raise ValueError(f"{name}={share} must be between 0 and 1")
    if val_fraction + test_fraction >= 1.0:
        raise ValueError(
            f"val_fraction={val_fraction} and test_fraction={test_fraction} leave nothing to train on"
        )
    if negatives_per_link < 1:
        raise ValueError(f"negatives_per_link={negatives_per_link} must be at least 1")
    generator = torch.Generator().manual_seed(seed)
    pairs = graph.pairs[torch.randperm(graph.pairs.size(0), generator=generator)]
    val, test = max(1, int(val_fraction * len(pairs))), max(1, int(test_fraction * len(pairs)))
    val_pos, test_pos, train_pos = pairs[:val], pairs[val : val + test], pairs[val + test :]
    size = graph.num_nodes
    train_neg = non_links(train_pos, size, train_pos.size(0), generator)
    if negatives == "per-source":
        val_neg, val_group = per_source_non_links(val_pos, train_pos, size, negatives_per_link, generator)
        test_neg, test_group = per_source_non_links(test_pos, pairs, size, negatives_per_link, generator)
        return LinkSplit(train_pos, train_neg, val_pos, val_neg, test_pos, test_neg, val_group, test_group)
    val_neg = non_links(torch.cat([train_pos, train_neg]), size, val * negatives_per_link, generator)
    test_neg = non_links(torch.cat([pairs, train_neg, val_neg]), size, test * negatives_per_link, generator)
    return LinkSplit(train_pos, train_neg, val_pos, val_neg, test_pos, test_neg)


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
