"""An engine that runs in the process that asks, at once: for tests of what is around the runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Inline:
    """Calls functions at once; a call is known by what it returned."""

    def __init__(self, jobs: int = 1) -> None:
        self.done: list[Any] = []
        self.started = 0

    @property
    def free(self) -> bool:
        return not self.done

    def start(self, work: Callable[..., Any], *arguments: Any) -> Any:
        self.started += 1
        self.done.append((self.started, work(*arguments)))
        return self.done[-1][0]

    def finished(self, timeout: float | None) -> list[Any]:
        return [number for number, _ in self.done]

    def result(self, future: Any) -> Any:
        number, found = self.done.pop()
        assert number == future
        if isinstance(found, Exception):
            raise found
        return found

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        self.done.clear()
