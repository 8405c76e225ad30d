"""Links of a graph and negatives for training, validation and testing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

__all__ = ["Leak", "LinkSplit", "check_leaks"]

Leak = Literal["observed", "link in two parts", "negative is a link", "negative in two parts"]
PARTS = ("train_pos", "train_neg", "val_pos", "val_neg", "test_pos", "test_neg")


@dataclass(frozen=True)
class LinkSplit:
    """Links (``_pos``) and negatives (``_neg``) of every part, each [., 2].

    ``val_group``, ``test_group``: for every negative the position of the positive it is ranked against, where
    each positive has negatives of its own.

    ``allow``: leaks that the split has on purpose, see :func:`gpool.data.links.audit`.

    ``resample``: train with other negatives in every epoch, as many as ``train_neg`` has.
    """

    train_pos: Tensor
    train_neg: Tensor
    val_pos: Tensor
    val_neg: Tensor
    test_pos: Tensor
    test_neg: Tensor
    val_group: Tensor | None = None
    test_group: Tensor | None = None
    allow: tuple[Leak, ...] = ()
    resample: bool = False

    def __post_init__(self) -> None:
        for name, pairs in self.parts().items():
            if pairs.dim() != 2 or pairs.size(1) != 2:
                raise ValueError(f"{name} of shape {tuple(pairs.shape)} must be [., 2]")
        check_leaks(self.allow)
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
        return {name: getattr(self, name) for name in PARTS}

    def describe(self) -> str:
        """Where the split comes from."""
        return "own"


def check_leaks(allow: tuple[Leak, ...]) -> None:
    """Check the names of leaks.

    Raises:
        ValueError: an unknown name.
    """
    for leak in allow:
        if leak not in get_args(Leak):
            known = ", ".join(map(repr, get_args(Leak)))
            raise ValueError(f"allow holds {leak!r}; it must hold some of {known}")
