"""``gpool bench`` and ``gpool report``: their flags, what they print, their exit status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from gpool.bench.collected import collect
from gpool.bench.engine import EngineName, engine_of
from gpool.bench.forecast import forecast
from gpool.bench.merged import merge
from gpool.bench.plan import Plan
from gpool.bench.plan_file import plan_keys, read_plan
from gpool.bench.report import Report
from gpool.bench.runner import Summary, finished, run_plan
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
    if words[:1] == ["merge"]:
        return merge_folders(words[1:])
    words, changes = _split(words)
    parser = Parser(prog="gpool bench", description=ABOUT)
    parser.add_argument("plan", type=str, help="the plan, a YAML file")
    parser.add_argument("--jobs", type=int, default=1, help="how many runs go side by side")
    parser.add_argument("--out", type=str, help="folder of the results; default: runs/ and the plan's name")
    parser.add_argument("--keep-checkpoints", action="store_true", help="keep the tested weights of new runs")
    parser.add_argument("--again", action="store_true", help="repeat runs that other versions have made")
    parser.add_argument("--dry-run", action="store_true", help="print the runs that are left and their time")
    parser.add_argument("--collect", type=str, help="write all records into this file, .parquet or .csv")
    parser.add_argument("--engine", type=EngineName, default="local", help="where runs are done")
    parser.add_argument("--engine_options", type=dict, default={}, help="of each run, for ray and slurm")
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
    if args.dry_run:
        runs = {run.key: run for run in plan.runs()}
        print("\n".join(forecast(runs, finished(runs, store), args.jobs)))
        _collect(args.collect, store)
        return 0
    engine = None
    if args.engine != "local":
        files = store.folder / "engine"
        engine = engine_of(args.engine, args.jobs, plan.threads, files, args.engine_options)
    try:
        with ending_in_order():
            summary = run_plan(plan, store, args.jobs, console, engine, args.again)
    except KeyboardInterrupt:
        _say(console, f"interrupted: what finished is in {store.folder}, the same command runs the rest")
        return 130
    _tell(summary, store, console)
    _collect(args.collect, store)
    try:
        table = Report(store) if store.results() else None
    except ValueError as error:  # the runs are there, and another metric may be
        _say(console, f"{error}; the runs are kept: gpool report {store.folder} --metric NAME")
        return 1
    if table is not None:
        _show(table)
        _write(table)
    return 1 if summary.failed else 0


def _collect(path: str | None, store: Store) -> None:
    if path is not None and store.results():
        print(collect(store, Path(path)))


def merge_folders(words: list[str]) -> int:
    """Take over the runs of other folders; the exit status."""
    about = "Take over the finished runs of other folders of a plan, with their predictions and weights."
    parser = Parser(prog="gpool bench merge", description=about)
    parser.add_argument("into", type=str, help="folder of a benchmark, which gets the runs")
    parser.add_argument(
        "others", type=str, nargs="+", help="folders that the runs are from; left as they are"
    )
    args = parser.parse_args(words)
    for name in args.others:
        if not Path(name).is_dir():
            raise ConfigError(f"OTHERS={name} is not a folder; gpool bench writes one")
    left_out: dict[str, str] = {}
    for name in args.others:
        try:
            came = merge(Store(args.into), Store(name))
        except ValueError as error:
            raise ConfigError(str(error)) from None
        print(f"{name}: {came.taken} runs taken over, {came.there} there already")
        left_out.update(came.left_out)
    for path, why in left_out.items():
        print(f"left out: {path}: {why}", file=sys.stderr)
    return 1 if left_out else 0


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
