"""The axes of a plan: named levels, each some changes to the configuration."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from gpool.bench.names import check_names
from gpool.bench.plan_checks import check_change, check_mapping

__all__ = ["Axes", "combinations", "levels_of"]

Axes = dict[str, dict[str, dict[str, Any]]]
"""Changes to the configuration, by axis and level."""

PARTS = ("model.", "data.", "trainer.")


def levels_of(given: Any) -> Axes:
    """The axes of a plan as changes by level.

    An axis is either one dotted key with a list of values, whose levels have their values' names, or a
    mapping of names to changes.

    Raises:
        ValueError: it is neither; two axes change one key; a name that cannot be printed.
    """
    check_mapping("axes", given)
    check_names("axes", given)
    axes = {name: _levels(f"axes.{name}", axis) for name, axis in given.items()}
    owners: dict[str, str] = {}
    for name, levels in axes.items():
        for key in dict.fromkeys(_short(key) for changes in levels.values() for key in changes):
            if key in owners:
                raise ValueError(
                    f"axes: {owners[key]} and {name} both change {key}; an axis must own its keys"
                )
            owners[key] = name
    return axes


def _short(key: str) -> str:
    return key.replace(".init_args", "")


def _levels(field: str, axis: Any) -> dict[str, dict[str, Any]]:
    check_mapping(field, axis)
    keys = [key for key in axis if isinstance(key, str) and key.startswith(PARTS)]
    if not keys:
        if not axis:
            raise ValueError(f"{field}: is empty, must have at least one level")
        check_names(field, axis)
        for name, changes in axis.items():
            check_change(f"{field}.{name}", changes)
        return dict(axis)
    values = axis[keys[0]]
    if len(axis) > 1 or not isinstance(values, list) or not values:
        raise ValueError(f"{field}: must be one dotted key with a list of values, or named changes")
    check_change(field, axis)
    if any(isinstance(value, (dict, list)) for value in values):
        raise ValueError(
            f"{field}: values that are mappings or lists need names: {{name: {{{keys[0]}: ...}}}}"
        )
    levels = {_written(value): {keys[0]: value} for value in values}
    if len(levels) < len(values):
        raise ValueError(f"{field}: got {values!r}, must be distinct")
    check_names(field, levels)
    return levels


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def combinations(axes: Axes) -> list[tuple[dict[str, str], list[Mapping[str, Any]]]]:
    """Every combination of levels, and the changes that each one makes, axis by axis."""
    named = [[(axis, level, changes) for level, changes in levels.items()] for axis, levels in axes.items()]
    return [
        ({axis: level for axis, level, _ in chosen}, [changes for _, _, changes in chosen])
        for chosen in itertools.product(*named)
    ]
