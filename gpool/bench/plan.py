"""A benchmark's plan, and its runs."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from gpool.bench.names import file_word, is_plain
from gpool.bench.plan_checks import (
    check_change,
    check_changes,
    check_class,
    check_classes,
    check_folds,
    check_mapping,
    check_metric,
    check_positive,
    check_rows,
    check_seeds,
)
from gpool.config.own_data import as_data_module

__all__ = ["Plan", "Run", "Select"]

Spec = str | dict[str, Any]
"""An import path, or ``{"class_path": ..., "init_args": {...}}``."""


@dataclass
class Select:
    """Which epoch's weights are tested: the one with the best ``monitor`` on the validation part.

    Args:
        monitor: a logged number, such as ``"val/loss"`` or ``"val/acc"``.
        mode: ``"min"`` or ``"max"``.
        patience: stop when this many epochs have brought no better one; None trains them all.
    """

    monitor: str = "val/loss"
    mode: Literal["min", "max"] = "min"
    patience: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.monitor, str) or not self.monitor:
            raise ValueError(f"select.monitor: got {self.monitor!r}, must name a logged number")
        if self.mode not in ("min", "max"):
            raise ValueError(f"select.mode: got {self.mode!r}, must be 'min' or 'max'")
        if self.patience is not None:
            check_positive("select.patience", self.patience)


@dataclass
class Plan:
    """Everything a benchmark runs: data x variant x readout x fold x seed.

    Args:
        model: the task as ``gpool fit`` takes it, ``{"class_path": ..., "init_args": {...}}``.
        data: data modules by the name of their column in the table.
        readouts: readouts by the name of their row; None where ``model`` says it.
        variants: changes to the configuration by name, as keys and values: a key is dotted, such as
            ``model.init_args.encoder.init_args.num_layers``. Every readout is run with every variant.
        trainer: arguments of Lightning's trainer.
        folds: which folds of each data set are run, as a list, or how many of them, from fold 0 on: with
            ``3``, the folds 0, 1 and 2. How many folds the data are split into is an argument of the data,
            as in ``data.folds``; it is 10 for :class:`gpool.data.GraphData`. None leaves the data alone.
        seeds: one run for each, of initial weights and of the order of the batches.
        select: which epoch is tested; None tests the last one.
        threads: CPU threads of a run; the numbers depend on it, not on how many runs go side by side.
        metric: the number that the report shows, for all data sets or by data set; None, or a data set left
            out, takes its own, such as ``test/acc`` of classes, ``test/auroc`` or ``test/rmse``.
        changes: keys and values as in ``variants``, laid over every run's configuration at last; the flags
            of ``gpool bench`` are added to them.
    """

    model: dict[str, Any]
    data: dict[str, Spec]
    readouts: dict[str, Spec] | None = None
    variants: dict[str, dict[str, Any]] | None = None
    trainer: dict[str, Any] = field(default_factory=lambda: {"max_epochs": 100})
    folds: int | list[int] | None = None
    seeds: list[int] = field(default_factory=lambda: [0])
    select: Select | None = field(default_factory=Select)
    threads: int = 1
    metric: str | dict[str, str] | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("model", "data", "readouts", "variants", "trainer"):
            value = getattr(self, name)
            if value is not None or name not in ("readouts", "variants"):
                check_mapping(name, value)
        if isinstance(self.select, dict):
            self.select = Select(**self.select)
        if not self.data:
            raise ValueError("data: is empty, must name at least one data module")
        check_class("model", self.model)
        check_classes("data", self.data)
        self.data = {name: as_data_module(spec, self.model) for name, spec in self.data.items()}
        check_classes("readouts", self.readouts or {})
        check_changes(self.variants or {})
        check_rows(self.variants or [""], self.readouts or [""])
        if self.folds is not None:
            check_folds(self.folds)
        check_seeds(self.seeds)
        check_positive("threads", self.threads)
        check_metric(self.metric, self.data)
        check_change("changes", self.changes)
        for key, own in {"model.readout": "readouts", "data.fold": "folds"}.items():
            if getattr(self, own) and key in {name.replace(".init_args", "") for name in self.changes}:
                raise ValueError(f"{key}: the plan's {own} say it, run by run; change {own}")
        for row in self._rows():
            self._run(self.seeds[0], None, *row)  # a key of a variant that leads nowhere

    def runs(self) -> list[Run]:
        """All runs, seed by seed and fold by fold: an unfinished benchmark compares all rows already."""
        folds: list[int | None] = [*self.which_folds()] or [None]
        places = itertools.product(self.seeds, folds, self._rows())
        return [self._run(seed, fold, *row) for seed, fold, row in places]

    def which_folds(self) -> list[int]:
        """The folds that are run; empty where the data are left as they are."""
        return list(range(self.folds)) if isinstance(self.folds, int) else list(self.folds or ())

    def _rows(self) -> list[tuple[str, str, str]]:
        return list(itertools.product(self.data, self.variants or [""], self.readouts or [""]))

    def _run(self, seed: int, fold: int | None, data: str, variant: str, readout: str) -> Run:
        config: dict[str, Any] = {
            "seed_everything": seed,
            "model": copy.deepcopy(self.model),
            "data": _as_class(self.data[data]),
            "trainer": copy.deepcopy(self.trainer),
        }
        if readout:
            assert self.readouts is not None
            config["model"].setdefault("init_args", {})["readout"] = _as_class(self.readouts[readout])
        if fold is not None:
            config["data"].setdefault("init_args", {})["fold"] = fold
        if variant:
            assert self.variants is not None
            for key, value in self.variants[variant].items():
                _put(config, key, value, f"variants.{variant}")
        for key, value in self.changes.items():
            _put(config, key, value, "changes")
        return Run(data, variant, readout, fold, seed, config, self.select, self.threads)


@dataclass(frozen=True)
class Run:
    """One training run: its row and data set, its whole configuration, and how its epoch is selected."""

    data: str
    variant: str
    readout: str
    fold: int | None
    seed: int
    config: dict[str, Any]
    select: Select | None
    threads: int

    @property
    def key(self) -> str:
        """A file name: the names, the fold and the seed, and a hash of everything that decides the result."""
        names = [self.data, self.variant, self.readout]
        decides: list[Any] = [self.config, vars(self.select) if self.select else None, self.threads]
        if not all(is_plain(name) for name in names if name):
            decides.append(names)  # two such names may look alike in a file's name
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()[:10]
        parts = [*names, "" if self.fold is None else f"fold{self.fold}"]
        words = [file_word(part) for part in parts if part]
        return "-".join([*words, f"seed{self.seed}", digest])

    @property
    def label(self) -> str:
        """The names, the fold and the seed of the run in words."""
        fold = None if self.fold is None else f"fold {self.fold}"
        return ", ".join(filter(None, [self.data, self.variant, self.readout, fold, f"seed {self.seed}"]))


def _as_class(spec: Spec) -> dict[str, Any]:
    return {"class_path": spec} if isinstance(spec, str) else copy.deepcopy(spec)


def _put(config: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set a dotted key; steps that a configuration spells ``init_args`` may be left out."""
    node: Any = config
    *parents, last = key.split(".")
    for part in parents:
        node = _inside(node, part, key, where).setdefault(part, {})
    _inside(node, last, key, where)[last] = copy.deepcopy(value)


def _inside(node: Any, part: str, key: str, where: str) -> dict[str, Any]:
    if isinstance(node, dict) and "class_path" in node and part not in ("class_path", "init_args"):
        node = node.setdefault("init_args", {})
    if not isinstance(node, dict):
        raise ValueError(f"{where}: {key!r} does not exist: {node!r:.60} has no key {part!r}")
    return node
