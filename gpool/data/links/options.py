"""Checks of the options of link data, and their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from gpool.data.links.graph import LinkGraph
from gpool.data.links.negatives import Negatives
from gpool.data.links.published_split import PublishedSplit
from gpool.data.links.random_split import RandomSplit
from gpool.data.links.split import LinkSplit
from gpool.data.root import checked_name

__all__ = ["AnySplit", "ValidationEdges", "check_options", "negatives_of", "split_of"]

AnySplit = LinkSplit | RandomSplit | PublishedSplit
ValidationEdges = Literal["none", "inference", "train+inference"]


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


def split_of(name: str | None, root: Path, split: AnySplit | None, negatives: Negatives | None) -> AnySplit:
    """The split asked for, else a published one where there is one, else a random one."""
    if split is not None:
        return split
    published = name is not None and negatives in (None, "given") and PublishedSplit.exists(name, root)
    return PublishedSplit() if published else RandomSplit()


def negatives_of(negatives: Negatives | None, split: AnySplit) -> Negatives:
    """Where the negatives come from: as asked for, else those of the split, else drawn.

    Raises:
        ValueError: the split has none that could be given, or has them already.
    """
    if negatives not in (None, *get_args(Negatives)):
        raise ValueError(f"negatives={negatives!r} must be 'random', 'given' or 'per-source'")
    drawn = isinstance(split, RandomSplit)
    made: Negatives = negatives or ("random" if drawn else "given")
    if made == "given" and drawn:
        raise ValueError("negatives='given' needs a published split, or a split of your own")
    if made != "given" and not drawn:
        raise ValueError(f"negatives={made!r} must be 'given': a split of your own has its negatives")
    return made
