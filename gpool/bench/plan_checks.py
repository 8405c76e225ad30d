"""Checks of a plan: each mistake is one ValueError that names the key and what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from gpool.bench.names import check_names, row_label

__all__ = [
    "check_change",
    "check_changes",
    "check_class",
    "check_classes",
    "check_folds",
    "check_mapping",
    "check_metric",
    "check_positive",
    "check_protocol",
    "check_rows",
    "check_run",
    "check_seeds",
]

PROTOCOLS = ("cv-inner", "cv-fixed", "cv-max", "official", "splits", "holdout")
LARGEST_SEED = 2**32 - 1  # numpy's

T = TypeVar("T")


def check_mapping(field: str, value: Any) -> None:
    """Refuse what is no mapping."""
    if not isinstance(value, dict):
        raise ValueError(f"{field}: got {value!r}, must be a mapping of names or keys to values")


def check_classes(field: str, classes: Mapping[str, Any]) -> None:
    """Refuse a mapping of names to classes that has a bad name, or something else than a class."""
    check_names(field, classes)
    for name, spec in classes.items():
        check_class(f"{field}.{name}", spec)


def check_class(field: str, spec: Any) -> None:
    """Refuse what is neither an import path nor a mapping with a ``class_path``."""
    path = spec.get("class_path") if isinstance(spec, dict) else spec
    if not isinstance(path, str):
        raise ValueError(f"{field}: got {spec!r}, must be an import path or a mapping with a class_path")
    if isinstance(spec, dict) and not isinstance(spec.get("init_args", {}), dict):
        raise ValueError(f"{field}.init_args: got {spec['init_args']!r}, must be a mapping")


def check_changes(variants: Mapping[str, Any]) -> None:
    """Refuse variants that are no changes to the configuration of the model, the data or the trainer."""
    check_names("variants", variants)
    for name, changes in variants.items():
        check_change(f"variants.{name}", changes)


def check_change(field: str, changes: Any) -> None:
    """Refuse what is no mapping of dotted keys to values."""
    if not isinstance(changes, dict):
        raise ValueError(f"{field}: got {changes!r}, must be a mapping of keys to values, or {{}}")
    for key in changes:
        top = key.split(".")[0] if isinstance(key, str) else None
        if top not in ("model", "data", "trainer") or "" in key.split(".") or key == top:
            raise ValueError(
                f"{field}: got the key {key!r}, must be a dotted key below model, data or trainer"
            )


def check_metric(metric: Any, data: Iterable[str]) -> None:
    """Refuse what is neither the name of a metric nor a mapping of data sets to such names."""
    names = [*metric.values()] if isinstance(metric, dict) else [metric]
    if metric is not None and not (names and all(isinstance(name, str) and name for name in names)):
        raise ValueError(f"metric: got {metric!r}, must name a measured number, or one for each data set")
    unknown = [name for name in metric if name not in data] if isinstance(metric, dict) else []
    if unknown:
        raise ValueError(f"metric.{unknown[0]}: the plan has no such data set; it has {', '.join(data)}")


def check_rows(rows: Iterable[tuple[str, str]]) -> None:
    """Refuse two rows of one name."""
    seen: dict[str, tuple[str, str]] = {}
    for pair in rows:
        label = row_label(*pair)
        if label in seen:
            raise ValueError(
                f"variants, readouts: {seen[label]} and {pair} both make the row {label!r}; rename one"
            )
        seen[label] = pair


def check_protocol(protocol: Any, select: T | None, default: T) -> T | None:
    """The rule of selection under a protocol, which may have none.

    Raises:
        ValueError: no such protocol, or one that another rule contradicts.
    """
    if protocol is not None and protocol not in PROTOCOLS:
        raise ValueError(f"protocol: got {protocol!r}, must be one of {', '.join(PROTOCOLS)}")
    if protocol in ("cv-fixed", "cv-max"):
        if select not in (None, default):
            raise ValueError(f"select: got {select!r}, but {protocol} selects no epoch; leave it out")
        return None
    if protocol == "cv-inner" and select is None:
        raise ValueError("select: got None, but cv-inner selects an epoch; leave it out, or take cv-fixed")
    return select


def check_run(run: Any, folds: Any) -> None:
    """Refuse a choice of folds that is no list of some of them."""
    if run is None:
        return
    if type(folds) is not int:
        raise ValueError(f"run: chooses some of the folds, but folds is {folds!r}; give their number")
    whole = isinstance(run, list) and all(type(fold) is int for fold in run)
    if not whole or not run or len(set(run)) < len(run) or not 0 <= min(run) <= max(run) < folds:
        raise ValueError(f"run: got {run!r}, must be a list of distinct folds of 0 .. {folds - 1}")


def check_folds(folds: Any) -> None:
    """Refuse what is neither a number of folds nor a list of distinct folds."""
    numbers = [folds] if type(folds) is int else folds
    if not isinstance(numbers, list) or not numbers or not all(type(fold) is int for fold in numbers):
        raise ValueError(f"folds: got {folds!r}, must be a number of folds, a list of folds, or null")
    if type(folds) is int and folds < 1:
        raise ValueError(
            f"folds: got {folds}, must be at least 1, or null, which leaves the data as they are"
        )
    if min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise ValueError(f"folds: got {folds!r}, must be distinct and at least 0")


def check_seeds(seeds: Any) -> None:
    """Refuse what is no list of distinct seeds."""
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        raise ValueError(f"seeds: got {seeds!r}, must be a list of at least one integer")
    if min(seeds) < 0 or max(seeds) > LARGEST_SEED or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds: got {seeds!r}, must be distinct and between 0 and {LARGEST_SEED}")


def check_positive(field: str, value: Any) -> None:
    """Refuse what is no integer from 1 on."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{field}: got {value!r}, must be an integer, at least 1")
