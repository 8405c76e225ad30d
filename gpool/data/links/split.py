"""Links of a graph and negatives for training, validation and testing."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

__all__ = ["LinkSplit"]


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
