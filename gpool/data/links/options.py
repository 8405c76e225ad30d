"""Checks of the options of link data, and their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from gpool.data.links.audit import ValidationEdges
from gpool.data.links.graph import LinkGraph
from gpool.data.links.negatives import Negatives
from gpool.data.links.published_split import PublishedSplit
from gpool.data.links.random_split import RandomSplit
from gpool.data.links.split import LinkSplit
from gpool.data.root import checked_name

__all__ = ["AnySplit", "check_options", "negatives_of", "split_of"]

AnySplit = LinkSplit | RandomSplit | PublishedSplit


def check_options(
    name: str | None, graph: LinkGraph | None, split: AnySplit | None, val_edges: ValidationEdges
) -> None:
    """Check that the links come from one place, and who may see those for validation.

    Raises:
        ValueError: for what does not fit together.
    """
    if name is not None and graph is not None:
        raise ValueError(f"give either name={name!r} or a graph, not both")
    if name is not None:
        checked_name(name)
    if val_edges not in get_args(ValidationEdges):
        raise ValueError(f"val_edges={val_edges!r} must be 'none', 'inference' or 'train+inference'")
    if isinstance(split, LinkSplit) and graph is None:
        raise ValueError("a split of your own needs your graph")
    if isinstance(split, PublishedSplit) and name is None:
        raise ValueError("split=PublishedSplit(...) needs the name of a set with published splits")


def split_of(name: str | None, root: Path, split: AnySplit | None) -> AnySplit:
    """The split asked for, else a published one where there is one, else a random one."""
    if split is None and name is not None:
        split = PublishedSplit.find(name, root)
    return split or RandomSplit()


def negatives_of(negatives: Negatives | None, each: int, split: AnySplit) -> Negatives:
    """Where the negatives come from: as asked for, else those of the split, else drawn.

    Raises:
        ValueError: an unknown way, a number of negatives per link that cannot be.
    """
    if negatives not in (None, *get_args(Negatives)):
        raise ValueError(f"negatives={negatives!r} must be 'random', 'given' or 'per-source'")
    drawn = isinstance(split, RandomSplit)
    made: Negatives = negatives or ("random" if drawn else "given")
    if made == "given" and drawn:
        raise ValueError("negatives='given' needs a published split, or a split of your own")
    if each < 1 or (made == "given" and each != 1):
        least = "1: the split gives its negatives" if made == "given" else "at least 1"
        raise ValueError(f"negatives_per_link={each} must be {least}")
    return made
