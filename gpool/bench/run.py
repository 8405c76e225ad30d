"""One training run of a plan, and the rule by which its tested epoch is selected."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from gpool.bench.names import file_word, is_plain
from gpool.bench.plan_checks import check_positive

__all__ = ["Run", "Select"]


@dataclass
class Select:
    """Which epoch's weights are tested: the one with the best ``monitor`` on the validation part.

    Args:
        monitor: a logged number, such as ``"val/loss"`` or ``"val/acc"``; none of the test part.
        mode: ``"min"`` or ``"max"``.
        patience: stop when this many epochs have brought no better one; None trains them all.
    """

    monitor: str = "val/loss"
    mode: Literal["min", "max"] = "min"
    patience: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.monitor, str) or not self.monitor:
            raise ValueError(f"select.monitor: got {self.monitor!r}, must name a logged number")
        if self.monitor.startswith("test"):
            raise ValueError(f"select.monitor: got {self.monitor!r}, but the test part selects nothing")
        if self.mode not in ("min", "max"):
            raise ValueError(f"select.mode: got {self.mode!r}, must be 'min' or 'max'")
        if self.patience is not None:
            check_positive("select.patience", self.patience)


@dataclass(frozen=True)
class Run:
    """One training run: its row and data set, its whole configuration, and how its epoch is selected.

    ``axes`` has the level of every axis of the plan; ``variant`` and ``readout`` name the row. ``protocol``
    is the plan's word, None where the data settle it.
    """

    data: str
    variant: str
    readout: str
    fold: int | None
    seed: int
    config: dict[str, Any]
    select: Select | None
    threads: int
    axes: dict[str, str] = field(default_factory=dict)
    protocol: str | None = None

    @property
    def row(self) -> tuple[str, str, str]:
        """What all runs share that differ by fold and seed only."""
        return self.data, self.variant, self.readout

    @property
    def key(self) -> str:
        """A file name: the names, the fold and the seed, and a hash of everything that decides the result."""
        names = [self.data, self.variant, self.readout]
        decides: list[Any] = [self.config, vars(self.select) if self.select else None, self.threads]
        if not all(is_plain(name) for name in names if name):
            decides.append(names)  # two such names may look alike in a file's name
        if self.protocol == "cv-max":  # the other words follow from the configuration
            decides.append(self.protocol)
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()[:10]
        parts = [*names, "" if self.fold is None else f"fold{self.fold}"]
        words = [file_word(part) for part in parts if part]
        return "-".join([*words, f"seed{self.seed}", digest])

    @property
    def label(self) -> str:
        """The names, the fold and the seed of the run in words."""
        fold = None if self.fold is None else f"fold {self.fold}"
        return ", ".join(filter(None, [self.data, self.variant, self.readout, fold, f"seed {self.seed}"]))
