"""Checks of the options of link data, and their defaults."""

from __future__ import annotations

from typing import Literal, get_args

from gpool.data.links.graph import LinkGraph
from gpool.data.links.split import LinkSplit, Negatives

__all__ = ["ValidationEdges", "check_options", "negatives_of"]

ValidationEdges = Literal["none", "inference", "train+inference"]


def check_options(
    name: str | None, graph: LinkGraph | None, split: LinkSplit | None, val_edges: ValidationEdges
) -> None:
    """Check that the links come from one place, and who may see those for validation.

    Raises:
        ValueError: for what does not fit together.
    """
    if name is not None and graph is not None:
        raise ValueError(f"give either name={name!r} or a graph, not both")
    if val_edges not in get_args(ValidationEdges):
        raise ValueError(f"val_edges={val_edges!r} must be 'none', 'inference' or 'train+inference'")
    if split is not None and graph is None:
        raise ValueError("a split of your own needs your graph")


def negatives_of(negatives: Negatives | None, published: bool, own: bool) -> Negatives:
    """Where the negatives come from: as asked for, else from a published split or one's own, else drawn.

    Raises:
        ValueError: no split has those that are asked for, or one's own has them already.
    """
    if negatives not in (None, *get_args(Negatives)):
        raise ValueError(f"negatives={negatives!r} must be 'random', 'given' or 'per-source'")
    made: Negatives = negatives or ("given" if published or own else "random")
    if made == "given" and not (published or own):
        raise ValueError("negatives='given' needs a published split, or a split of your own")
    if made != "given" and own:
        raise ValueError(f"negatives={made!r} must be 'given': a split of your own has its negatives")
    return made
