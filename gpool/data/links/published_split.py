"""The published splits of the .mat graphs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gpool.data.files.mat import read_parts
from gpool.data.links.audit import audit_parts, audit_whole
from gpool.data.links.graph import LinkGraph
from gpool.data.links.sets import there
from gpool.data.links.split import Leak, LinkSplit, check_leaks

__all__ = ["PublishedSplit"]

FOLDERS = {90: "splits/walkpool_links/splitted", 50: "splits/walkpool_links/splitted_0_5"}


@dataclass(frozen=True)
class PublishedSplit:
    """A published split of a .mat graph, with its negatives; the data module's ``fold`` says which.

    Args:
        share: 90 or 50, the percentage of the links to train on.
        val_fraction: of the training links, and of the training negatives, set aside for validation.
        seed: of the validation part.
        folder: of files NAME_split_1.mat and so on, below the data root, in place of the one of ``share``.
        allow: leaks that the files have on purpose, see :func:`gpool.data.links.audit`; each is printed.
        resample: train with other negatives than the published ones, drawn for every epoch.

    Raises:
        ValueError: another share, a fraction that is not between 0 and 1, an unknown leak.
    """

    share: int = 90
    val_fraction: float = 0.05
    seed: int = 0
    folder: str | None = None
    allow: tuple[Leak, ...] = ()
    resample: bool = False

    def __post_init__(self) -> None:
        if self.share not in FOLDERS:
            raise ValueError(f"share={self.share} must be 90 or 50 for a published split")
        if not 0.0 < self.val_fraction < 1.0:
            raise ValueError(f"val_fraction={self.val_fraction} must be between 0 and 1")
        check_leaks(self.allow)

    @classmethod
    def find(cls, name: str, root: Path) -> PublishedSplit | None:
        """The published split of a graph below the data root, of the larger share; None if none is there."""
        shares = (share for share, folder in FOLDERS.items() if _numbers(root / folder, name))
        return next((cls(share) for share in shares), None)

    def read(self, graph: LinkGraph, name: str, root: Path, fold: int) -> LinkSplit:
        """The split numbered ``fold`` + 1 of the graph ``name``.

        Raises:
            ValueError: a fold that is not there; leaks that are not allowed, see
                :func:`gpool.data.links.audit`; parts that are not the whole graph.
            MissingData: no split of the graph is there.
        """
        folder = root / (self.folder or FOLDERS[self.share])
        path = folder / f"{name}_split_{fold + 1}.mat"
        there_are = _numbers(folder, name)
        if there_are and fold + 1 not in there_are:
            known = ", ".join(str(number - 1) for number in there_are)
            raise ValueError(f"fold={fold} must be one of {known}, the splits of {name} in {folder}")
        parts = read_parts(there(path, name))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the audit of the whole split prints what is allowed
            audit_parts(parts, graph, allow=self.allow, source=str(path))
        audit_whole(parts, graph, str(path))
        return self._with_validation(parts)

    def _with_validation(self, parts: Mapping[str, Tensor]) -> LinkSplit:
        """Some of the training links, and of the training negatives, set aside for validation."""
        generator = torch.Generator().manual_seed(self.seed)

        def divide(pairs: Tensor) -> tuple[Tensor, Tensor]:
            order = torch.randperm(pairs.size(0), generator=generator)
            held = max(1, int(self.val_fraction * pairs.size(0)))
            return pairs[order[held:]], pairs[order[:held]]

        (train_pos, val_pos), (train_neg, val_neg) = divide(parts["train_pos"]), divide(parts["train_neg"])
        ends = parts["test_pos"], parts["test_neg"]
        return LinkSplit(train_pos, train_neg, val_pos, val_neg, *ends, allow=self.allow)

    def describe(self) -> str:
        """Where the split comes from."""
        return f"published, {self.folder or FOLDERS[self.share]}"


def _numbers(folder: Path, name: str) -> list[int]:
    numbers = (path.stem.removeprefix(f"{name}_split_") for path in folder.glob(f"{name}_split_*.mat"))
    return sorted(int(number) for number in numbers if number.isdecimal())
