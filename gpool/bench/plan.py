"""A benchmark's plan, and its runs."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gpool.bench.axes import Axes, combinations, levels_of
from gpool.bench.plan_checks import (
    check_change,
    check_changes,
    check_class,
    check_classes,
    check_folds,
    check_mapping,
    check_metric,
    check_positive,
    check_protocol,
    check_rows,
    check_run,
    check_seeds,
)
from gpool.bench.run import Run, Select
from gpool.config.own_data import as_data_module

__all__ = ["Plan", "Run", "Select"]

Spec = str | dict[str, Any]
"""An import path, or ``{"class_path": ..., "init_args": {...}}``."""


@dataclass
class Plan:
    """Everything a benchmark runs: data x axes x fold x seed, a full factorial design.

    Args:
        model: the task as ``gpool fit`` takes it, ``{"class_path": ..., "init_args": {...}}``.
        data: data modules by the name of their column in the table.
        readouts: readouts by the name of their row; None where ``model`` says it.
        variants: changes to the configuration by name, as keys and values: a key is dotted, such as
            ``model.init_args.encoder.init_args.num_layers``. Every readout is run with every variant.
        axes: more axes by name, each a dotted key with a list of values,
            ``depth: {model.encoder.num_layers: [2, 4]}``, or changes by the names of its levels. ``readouts``
            and ``variants`` are two such axes.
        trainer: arguments of Lightning's trainer.
        protocol: ``"cv-inner"``, ``"cv-fixed"``, ``"cv-max"``, ``"official"``, ``"splits"`` or ``"holdout"``,
            see :mod:`gpool.bench.protocol`; None takes what the data and ``select`` are. ``"cv-fixed"`` and
            ``"cv-max"`` select no epoch.
        folds: how many folds each data set is split into, all of which are run; or which ones are run, as a
            list. None leaves the data alone.
        run: which of the ``folds`` are run, as a list; None runs all.
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
    axes: dict[str, dict[str, Any]] | None = None
    trainer: dict[str, Any] = field(default_factory=lambda: {"max_epochs": 100})
    protocol: str | None = None
    folds: int | list[int] | None = None
    run: list[int] | None = None
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
        self._axes: Axes = levels_of({} if self.axes is None else self.axes)
        if self.readouts and "readout" in self._axes:
            raise ValueError("axes.readout: the plan has readouts, too; give one of them")
        check_rows(dict.fromkeys((variant, readout) for _, variant, readout, _ in self._rows()))
        if self.folds is not None:
            check_folds(self.folds)
        check_run(self.run, self.folds)
        self.select = check_protocol(self.protocol, self.select, Select())
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
        every = list(range(self.folds)) if isinstance(self.folds, int) else list(self.folds or ())
        return every if self.run is None else list(self.run)

    def _rows(self) -> list[tuple[str, str, str, Levels]]:
        """Every data set, variant, readout and combination of the other axes' levels."""
        rows = []
        for data, variant, (levels, changes), readout in itertools.product(
            self.data, self.variants or [""], combinations(self._axes), self.readouts or [""]
        ):
            others = [level for axis, level in levels.items() if axis != "readout"]
            label = ", ".join(filter(None, [variant, *others]))
            named = {"variant": variant, **levels, "readout": readout or levels.get("readout", "")}
            told = {axis: level for axis, level in named.items() if level}
            rows.append((data, label, named["readout"], Levels(variant, readout, told, changes)))
        return rows

    def _run(self, seed: int, fold: int | None, data: str, label: str, readout: str, levels: Levels) -> Run:
        config: dict[str, Any] = {
            "seed_everything": seed,
            "model": copy.deepcopy(self.model),
            "data": _as_class(self.data[data]),
            "trainer": copy.deepcopy(self.trainer),
        }
        if levels.readout:
            assert self.readouts is not None
            config["model"].setdefault("init_args", {})["readout"] = _as_class(self.readouts[levels.readout])
        if fold is not None:
            config["data"].setdefault("init_args", {})["fold"] = fold
        variant = (self.variants or {}).get(levels.variant, {})
        said = [(f"variants.{levels.variant}", variant), *(("axes", changes) for changes in levels.changes)]
        for where, changes in (*said, ("changes", self.changes)):
            for key, value in changes.items():
                _put(config, key, value, where)
        return Run(
            data, label, readout, fold, seed, config, self.select, self.threads, levels.told, self.protocol
        )


class Levels(NamedTuple):
    """The levels of one row: its variant, its readout, all of them by axis, and what the axes change."""

    variant: str
    readout: str
    told: dict[str, str]
    changes: list[Mapping[str, Any]]


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
