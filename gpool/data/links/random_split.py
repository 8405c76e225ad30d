"""Links of a graph split at random."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gpool.data.links.graph import LinkGraph
from gpool.data.links.negatives import Negatives, with_negatives
from gpool.data.links.split import LinkSplit

__all__ = ["RandomSplit"]


@dataclass(frozen=True)
class RandomSplit:
    """Splits the links of a graph at random.

    Args:
        val_fraction, test_fraction: of all links, for validation and for testing; each part has at least one.
        seed: of the draw; the data module's ``fold`` is added to it.
        resample: train with other negatives in every epoch; they depend on ``fold`` and epoch alone.

    Raises:
        ValueError: a fraction that is not between 0 and 1; two that leave nothing to train on.
    """

    val_fraction: float = 0.05
    test_fraction: float = 0.1
    seed: int = 0
    resample: bool = False

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
        """The split of a graph, with the negatives of :func:`gpool.data.links.negatives.with_negatives`.

        Raises:
            ValueError: a part that is empty, a graph without enough non-links.
        """
        generator = torch.Generator().manual_seed(self.seed + fold)
        pairs = graph.pairs[torch.randperm(graph.pairs.size(0), generator=generator)]
        val = max(1, int(self.val_fraction * len(pairs)))
        test = max(1, int(self.test_fraction * len(pairs)))
        positives = pairs[val + test :], pairs[:val], pairs[val : val + test]
        return with_negatives(positives, graph, negatives, negatives_per_link, generator)

    def describe(self) -> str:
        """Where the split comes from."""
        return f"random, {self.val_fraction:g} and {self.test_fraction:g} held out, seed {self.seed}"
