"""``gpool bench`` and ``gpool report``: their flags, what they print, their exit status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from gpool.bench.plan import Plan
from gpool.bench.plan_file import plan_keys, read_plan
from gpool.bench.report import Report
from gpool.bench.runner import Summary, run_plan
from gpool.bench.signals import ending_in_order
from gpool.bench.store import Store
from gpool.bench.tables import as_text
from gpool.config.configuration import Parser
from gpool.config.given import flag_value
from gpool.config.mistakes import ConfigError, explain

__all__ = ["bench", "report"]

SPECS = {"model", "data", "readouts", "variants", "trainer", "changes"}  # checked where used, run by run
ABOUT = (
    "Do every run of a plan that is not done, then report. Any key of a run's configuration can be a flag; "
    "it changes all runs: --model.encoder.num_layers 2, --data.batch_size 64, --trainer.max_epochs 5."
)


def bench(words: list[str]) -> int:
    """Do every run of a plan that is not done, then report; the exit status."""
    words, changes = _split(words)
    parser = Parser(prog="gpool bench", description=ABOUT)
    parser.add_argument("plan", type=str, help="the plan, a YAML file")
    parser.add_argument("--jobs", type=int, default=1, help="how many runs go side by side")
    parser.add_argument("--out", type=str, help="folder of the results; default: runs/ and the plan's name")
    parser.add_argument("--keep-checkpoints", action="store_true", help="keep the tested weights of new runs")
    parser.add_class_arguments(Plan, skip=SPECS)
    try:
        given = read_plan(parser.parse_args(words).plan)
        parser.set_defaults({key: value for key, value in given.items() if key not in SPECS})
        args = parser.parse_args(words)
        chosen = {name: value for name, value in parser.instantiate(args).items() if name in plan_keys()}
        specs = {name: given[name] for name in SPECS & set(given)}
        if changes:
            specs["changes"] = {**(specs.get("changes") or {}), **changes}
        plan = Plan(**{**chosen, **specs})
    except ValueError as error:
        raise ConfigError(explain(str(error))) from None
    if args.jobs < 1:
        raise ConfigError(f"--jobs={args.jobs} must be at least 1")
    folder, console = args.out or Path("runs") / Path(args.plan).stem, Console(stderr=True)
    store = Store(folder, args.keep_checkpoints)
    try:
        with ending_in_order():
            summary = run_plan(plan, store, args.jobs, console)
    except KeyboardInterrupt:
        _say(console, f"interrupted: what finished is in {store.folder}, the same command runs the rest")
        return 130
    _tell(summary, store, console)
    try:
        table = Report(store) if store.results() else None
    except ValueError as error:  # the runs are there, and another metric may be
        _say(console, f"{error}; the runs are kept: gpool report {store.folder} --metric NAME")
        return 1
    if table is not None:
        _show(table)
        _write(table)
    return 1 if summary.failed else 0


def _split(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The words without the flags that change every run's configuration, and what these say."""
    rest, changes = [], {}
    said = iter(words)
    for word in said:
        name, equals, value = word.partition("=")
        if not name.startswith(("--model.", "--data.", "--trainer.")):
            rest.append(word)
            continue
        if not equals and (value := next(said, "--")).startswith("--"):
            raise ConfigError(f"{name}: needs a value")
        changes[name[2:]] = flag_value(value)
    return rest, changes


def _tell(summary: Summary, store: Store, console: Console) -> None:
    counts = f"{summary.finished} runs finished now, {summary.before} before, {len(summary.failed)} failed"
    _say(console, counts)
    for label, told in summary.failed.items():
        _say(console, f"  {label}: {told}", "red")
    if summary.failed:
        _say(console, f"tracebacks are in {store.errors}; the same command repeats the failed runs")


def _say(console: Console, text: str, style: str = "") -> None:
    """One line, as it is: no markup, no wrapping."""
    console.print(Text(text, style), soft_wrap=True)


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
    _write(table)
    return 0


def _show(table: Report) -> None:
    """The table; files come after it, so that it is seen where they cannot be written."""
    print(table.title)
    Console().print(as_text(table))
    for note in table.notes():
        print(note)


def _write(table: Report) -> None:
    for path in table.write().values():
        print(path)
