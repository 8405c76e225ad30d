"""All assertions on a readout at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from gpool.testing.readout.numbers import (
    assert_autocast,
    assert_bfloat16,
    assert_extremes,
    assert_gradcheck,
    assert_shows_nan,
)
from gpool.testing.readout.programs import (
    assert_compiles,
    assert_conventions,
    assert_exports,
    assert_pickles,
    assert_repeats,
)
from gpool.testing.readout.rows import (
    assert_batch_independence,
    assert_empty_graph,
    assert_larger_dim_size,
    assert_leading_dimensions,
    assert_node_order,
    assert_one_node,
    assert_ptr,
    assert_relabeling,
    assert_size,
)
from gpool.testing.readout.subject import Subject
from gpool.testing.report import Report, run

__all__ = ["assert_readout", "check"]

ALWAYS: list[Callable[[Subject], None]] = [
    assert_node_order, assert_batch_independence, assert_relabeling, assert_empty_graph, assert_one_node,
    assert_larger_dim_size, assert_extremes, assert_shows_nan, assert_bfloat16, assert_autocast,
    assert_gradcheck, assert_repeats, assert_pickles, assert_compiles, assert_exports,
]  # fmt: skip
AGGREGATION: list[Callable[[Subject], None]] = [assert_ptr, assert_leading_dimensions, assert_conventions]


def check(subject: Subject) -> Report:
    """Runs every assertion that applies to the subject; a failure, or any error, is reported, not raised."""
    asked = ALWAYS + (AGGREGATION if subject.aggregation else []) + ([assert_size] if subject.size else [])
    return run(repr(subject.layer), subject, asked)


def assert_readout(layer: nn.Module, channels: int = 8, **options: Any) -> None:
    """Raises AssertionError with the full report unless the Aggregation has every property."""
    report = check(Subject(layer, channels, **options))
    assert report, str(report)
