"""``gpool bench`` and ``gpool report``: their flags, what they print, their exit status."""

from __future__ import annotations

import signal
import sys
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from gpool.bench.plan import Plan
from gpool.bench.report import Report, as_text
from gpool.bench.run import run_plan
from gpool.bench.store import Store
from gpool.training.configuration import Parser
from gpool.training.mistakes import ConfigError, explain

__all__ = ["bench", "report"]

SPECS = {"model", "data", "readouts", "variants", "trainer"}  # checked where they are used, cell by cell


def bench(words: list[str]) -> int:
    """Run every cell of a plan that is not done, then report; the exit status."""
    parser = Parser(prog="gpool bench", description="Run every cell of a plan that is not done, then report.")
    parser.add_argument("plan", type=str, help="the plan, a YAML file")
    parser.add_argument("--jobs", type=int, default=1, help="how many cells run side by side")
    parser.add_argument("--out", type=str, help="folder of the results; default: runs/ and the plan's name")
    parser.add_argument(
        "--trainer", type=dict[str, Any], help="changes to the plan's trainer: --trainer.max_epochs 5"
    )
    parser.add_class_arguments(Plan, skip=SPECS)
    given = _read(words[0]) if words and not words[0].startswith("-") else {}
    try:
        parser.set_defaults({key: value for key, value in given.items() if key not in SPECS})
        args = parser.parse_args(words)
        chosen = {name: value for name, value in parser.instantiate(args).items() if name in _names()}
        chosen["trainer"] = {**given.get("trainer", {"max_epochs": 100}), **(args.trainer or {})}
        specs = {name: given[name] for name in SPECS & set(given) if name != "trainer"}
        plan = Plan(**{**specs, **chosen})
    except ValueError as error:
        raise ConfigError(explain(str(error))) from None
    if args.jobs < 1:
        raise ConfigError(f"--jobs={args.jobs} must be at least 1")
    store, console = Store(args.out or Path("runs") / Path(args.plan).stem), Console(stderr=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the way out of run_plan takes its workers along
    try:
        summary = run_plan(plan, store, args.jobs, console)
    except KeyboardInterrupt:
        told = f"interrupted: what finished is in {store.folder}, the same command runs the rest"
        console.print(told, highlight=False, soft_wrap=True)
        return 130
    console.print(
        f"{summary.finished} cells finished now, {summary.before} before, {len(summary.failed)} failed"
    )
    for label, told in summary.failed.items():
        console.print(f"  {label}: {told}", style="red", highlight=False, soft_wrap=True)
    if summary.failed:
        told = f"tracebacks are in {store.errors}; the same command runs the failed cells again"
        console.print(told, highlight=False, soft_wrap=True)
    if store.results():
        _show(Report(store))
    return 1 if summary.failed else 0


def report(words: list[str]) -> int:
    """Print a benchmark's table and write it beside its results; the exit status."""
    parser = Parser(prog="gpool report", description="Table (text, Markdown, CSV) and plot of a benchmark.")
    parser.add_argument("dir", type=str, help="folder of a benchmark")
    parser.add_argument("--metric", type=str, help="the number to show; default: the plan's")
    try:
        args = parser.parse_args(words)
        if not Path(args.dir).is_dir():
            raise ConfigError(f"DIR={args.dir} is not a folder; gpool bench writes one")
        table = Report(Store(args.dir), args.metric)
    except ValueError as error:
        raise ConfigError(explain(str(error))) from None
    _show(table)
    print(table.markdown())
    return 0


def _show(table: Report) -> None:
    print(table.title)
    Console().print(as_text(table))
    for path in table.write().values():
        print(path)


def _names() -> list[str]:
    return [field.name for field in fields(Plan)]


def _read(path: str) -> dict[str, Any]:
    """The plan's YAML, every key of it known."""
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"PLAN={path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"PLAN={path}: {' '.join(str(error).split())}") from None
    if not isinstance(given, dict):
        raise ConfigError(f"PLAN={path} must be a mapping with the keys {', '.join(_names())}")
    for key in given:
        if key not in _names():
            near = get_close_matches(str(key), _names(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"a plan has {', '.join(_names())}"
            raise ConfigError(f"{key}: no such key of a plan; {hint}")
    for key in ("model", "data"):
        if key not in given:
            raise ConfigError(f"PLAN={path} needs the key {key!r}")
    return given
