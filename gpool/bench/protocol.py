"""Protocols: which data are tested, and which epoch; each one word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np

from gpool.bench.run import Run
from gpool.config.mistakes import ConfigError
from gpool.data import GraphData, Graphs, Links, OGBGraph, Planetoid, PublishedSplit, Split

__all__ = ["ABOUT", "Protocol", "check_parts", "protocol_of", "protocols_in"]

Protocol = Literal["cv-inner", "cv-fixed", "cv-max", "official", "splits", "holdout"]

ABOUT: dict[Protocol, str] = {
    "cv-inner": "folds, the epoch selected on an inner validation part",
    "cv-fixed": "folds, a fixed number of epochs, the last one tested",
    "cv-max": "optimistic: folds, the epoch that is best on their test parts",
    "official": "the benchmark's own split",
    "splits": "published splits",
    "holdout": "one split, or several that are drawn",
}
FOLDS = ("cv-inner", "cv-fixed", "cv-max")


def protocol_of(data: Any, run: Run) -> Protocol:
    """The word for a run on these data.

    Raises:
        ConfigError: the plan names another word than the data and the rule of selection allow.
    """
    kind, wanted = _kind(data), run.protocol
    fixed: Protocol = "cv-fixed" if run.select is None else "cv-inner"
    allowed: tuple[Protocol, ...] = (kind,) if kind not in (None, *FOLDS) else ()  # type: ignore[assignment]
    if kind in FOLDS:
        allowed = ("cv-max",) if wanted == "cv-max" else (fixed,)
    if kind is None:  # data of somebody's own: only their owner knows
        allowed = (fixed if run.fold is not None else "holdout", *get_args(Protocol))
    if wanted is not None and wanted not in allowed:
        raise ConfigError(
            f"protocol: got {wanted!r}, but {type(data).__name__} on {run.data} is {allowed[0]!r} "
            f"({ABOUT[allowed[0]]})"
        )
    return next(word for word in allowed if wanted in (None, word))


def _kind(data: Any) -> Protocol | None:
    """How data are split: ``"cv-inner"`` for all kinds of folds; None where only their owner knows."""
    if isinstance(data, OGBGraph) or (isinstance(data, Planetoid) and data.scheme != "geom-gcn"):
        return "official"
    if isinstance(data, Planetoid) or (isinstance(data, Links) and isinstance(data._split, PublishedSplit)):
        return "splits"
    if isinstance(data, Links) or getattr(data, "splits", None) is not None:
        return "holdout"
    if isinstance(data, GraphData):
        made_here = type(data).lay_out in (GraphData.lay_out, Graphs.lay_out)
        return "cv-inner" if made_here and "split" not in vars(type(data)) else None
    return None


def check_parts(data: Any) -> None:
    """Refuse data of which a part overlaps another: what is tested must be neither seen nor selected by.

    Raises:
        ConfigError: in one line that names the parts.
    """
    parts = _parts(data)
    for k, (name, part) in enumerate(parts):
        for other, positions in parts[k + 1 :]:
            if shared := np.intersect1d(part, positions).tolist():
                raise ConfigError(
                    f"data: {len(shared)} of its instances are in the {name} and the {other} part, "
                    f"such as {shared[0]}; the parts must be disjoint"
                )


def _parts(data: Any) -> list[tuple[str, Any]]:
    """Positions of the instances of each part, where the data say them; links are audited where made."""
    split, graph = getattr(data, "split", None), getattr(data, "graph", None)
    if isinstance(split, Split):
        return list(zip(Split._fields, split, strict=True))
    masks = [(name, getattr(graph, f"{name}_mask", None)) for name in Split._fields]
    return [(name, np.flatnonzero(mask)) for name, mask in masks if mask is not None]


def protocols_in(records: Iterable[dict[str, Any]]) -> list[str]:
    """The protocols of records, each with what it is, such as ``"cv-fixed (folds, ...)"``."""
    words = dict.fromkeys(record.get("protocol") for record in records)
    return [f"{word} ({ABOUT[word]})" for word in words if word in ABOUT]
