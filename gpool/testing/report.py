"""What a run of assertions said: which held, which failed and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import torch

__all__ = ["Outcome", "Report", "run"]

Subject = TypeVar("Subject")


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


def run(name: str, subject: Subject, assertions: Iterable[Callable[[Subject], None]]) -> Report:
    """Runs the assertions, each from the same seed; a failure, or any error, is reported, not raised."""
    report = Report(name)
    for assertion in assertions:
        asked = assertion.__name__.removeprefix("assert_")
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                assertion(subject)
            report.outcomes.append(Outcome(asked, True))
        except Exception as error:  # a layer under test may raise anything, and the report shall say what
            report.outcomes.append(Outcome(asked, False, f"{type(error).__name__}: {error}".strip()))
    return report
