"""Links of a graph split at random."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gpool.data.links.graph import LinkGraph
from gpool.data.links.negatives import Negatives, non_links, per_source_non_links
from gpool.data.links.split import LinkSplit

__all__ = ["RandomSplit"]


@dataclass(frozen=True)
class RandomSplit:
    """Splits the links of a graph at random.

    Args:
        val_fraction, test_fraction: of all links, for validation and for testing; each part has at least one.
        seed: of the draw; the data module's ``fold`` is added to it.

    Raises:
        ValueError: a fraction that is not between 0 and 1; two that leave nothing to train on.
    """

    val_fraction: float = 0.05
    test_fraction: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, share in {"val_fraction": self.val_fraction, "test_fraction": self.test_fraction}.items():
            if not 0.0 < share < 1.0:
                raise ValueError(f"{name}={share} must be between 0 and 1")
        if self.val_fraction + self.test_fraction >= 1.0:
            raise ValueError(
                f"val_fraction={self.val_fraction} and test_fraction={self.test_fraction} "
                "leave nothing to train on"
            )

    def draw(self, graph: LinkGraph, fold: int, negatives: Negatives, negatives_per_link: int) -> LinkSplit:
        """The split of a graph, with negatives drawn once.

        Test negatives avoid every link. Those of training and validation avoid the training links only: who
        trains does not know the others, so a few of them may be links of the test part.

        ``negatives="per-source"`` gives every validation and test link (i, j) ``negatives_per_link`` pairs
        (i, k) of its own.

        Raises:
            ValueError: a part that is empty, a graph without enough non-links.
        """
        generator = torch.Generator().manual_seed(self.seed + fold)
        pairs = graph.pairs[torch.randperm(graph.pairs.size(0), generator=generator)]
        val = max(1, int(self.val_fraction * len(pairs)))
        test = max(1, int(self.test_fraction * len(pairs)))
        val_pos, test_pos, train_pos = pairs[:val], pairs[val : val + test], pairs[val + test :]
        size = graph.num_nodes
        train_neg = non_links(train_pos, size, train_pos.size(0), generator)
        if negatives == "per-source":
            val_neg, val_group = per_source_non_links(val_pos, train_pos, size, negatives_per_link, generator)
            test_neg, test_group = per_source_non_links(test_pos, pairs, size, negatives_per_link, generator)
            return LinkSplit(
                train_pos, train_neg, val_pos, val_neg, test_pos, test_neg, val_group, test_group
            )
        val_neg = non_links(torch.cat([train_pos, train_neg]), size, val * negatives_per_link, generator)
        test_neg = non_links(
            torch.cat([pairs, train_neg, val_neg]), size, test * negatives_per_link, generator
        )
        return LinkSplit(train_pos, train_neg, val_pos, val_neg, test_pos, test_neg)
