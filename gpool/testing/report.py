"""All assertions at once, and a report of which failed and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from gpool.testing.numbers import assert_autocast, assert_bfloat16, assert_extremes, assert_gradcheck
from gpool.testing.programs import (
    assert_compiles,
    assert_conventions,
    assert_exports,
    assert_pickles,
    assert_repeats,
)
from gpool.testing.rows import (
    assert_batch_independence,
    assert_empty_graph,
    assert_larger_dim_size,
    assert_leading_dimensions,
    assert_node_order,
    assert_one_node,
    assert_ptr,
    assert_relabelling,
    assert_size,
)
from gpool.testing.subject import Subject

__all__ = ["Outcome", "Report", "assert_readout", "check"]


@dataclass(frozen=True)
class Outcome:
    """What one assertion said: ``reason`` is empty where it held."""

    name: str
    passed: bool
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """The outcomes of all assertions; true where none failed; prints which failed and why."""

    subject: str
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.passed]

    def __bool__(self) -> bool:
        return not self.failed

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    def __str__(self) -> str:
        lines = [
            f"{self.subject}: {len(self.outcomes) - len(self.failed)} of {len(self.outcomes)} properties hold"
        ]
        return "\n".join(lines + [f"  {o.name}: {o.reason}" for o in self.failed])


_ALWAYS: list[Callable[[Subject], None]] = [
    assert_node_order, assert_batch_independence, assert_relabelling, assert_empty_graph, assert_one_node,
    assert_larger_dim_size, assert_extremes, assert_bfloat16, assert_autocast, assert_gradcheck,
    assert_repeats, assert_pickles, assert_compiles, assert_exports,
]  # fmt: skip
_AGGREGATION: list[Callable[[Subject], None]] = [assert_ptr, assert_leading_dimensions, assert_conventions]


def check(subject: Subject) -> Report:
    """Runs every assertion that applies to the subject; a failure, or any error, is reported, not raised."""
    asked = _ALWAYS + (_AGGREGATION if subject.aggregation else []) + ([assert_size] if subject.size else [])
    report = Report(repr(subject.layer))
    for assertion in asked:
        name = assertion.__name__.removeprefix("assert_")
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                assertion(subject)
            report.outcomes.append(Outcome(name, True))
        except Exception as error:  # a layer under test may raise anything, and the report shall say what
            report.outcomes.append(Outcome(name, False, f"{type(error).__name__}: {error}".strip()))
    return report


def assert_readout(layer: nn.Module, channels: int = 8, **options: Any) -> None:
    """Raises AssertionError with the full report unless the Aggregation has every property."""
    report = check(Subject(layer, channels, **options))
    assert report, str(report)
