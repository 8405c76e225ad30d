"""The ``gpool`` command: train one model, run a benchmark, report it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

import torch
import torch_geometric

import gpool
from gpool.quiet import without_remarks

__all__ = ["main"]

USAGE = """usage: gpool COMMAND ...

Graph readouts, hierarchical pooling and link pooling, trained and compared.

  gpool new graph|nodes|links [DIR] write a starter: data and a readout of your own, a configuration, a plan
  gpool fit --config X.yaml         train a model        (also: validate, test)
  gpool predict --ckpt_path X.ckpt  predict with it      [--source new.pt] [--out FILE]
  gpool bench PLAN.yaml             run a benchmark      [--jobs N] [--out DIR], resumes what was interrupted
  gpool report DIR                  its table and plot   [--metric NAME]
  gpool data list|check|fetch|split data sets: which are there and whole; folds as files
  gpool list KIND                   readouts, histories, poolings, links, models, data, tasks, with citations
  gpool --version                   the versions of gpool and of what computes

gpool COMMAND --help says more. A key of a YAML file can be given as a flag: --model.readout gpool.GNP
"""
TRAINING = ("fit", "validate", "test")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``; return the exit status."""
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:  # before the command is read
        return 130
    return status


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        return _help(status=0 if words else 2)
    if words[0] in ("--version", "version"):
        print(_versions())
        return 0
    try:
        from gpool.config.mistakes import ConfigError
    except ModuleNotFoundError as error:
        print(f"gpool: the command needs {error.name}: pip install 'gpool[train]'", file=sys.stderr)
        return 2

    _put_working_folder_last()
    try:
        with without_remarks():
            return _command(words)
    except ConfigError as error:
        print(f"gpool: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None:
            raise
        print(f"gpool: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _help(status: int) -> int:
    """Print the commands and, where what trains is installed, this package's classes."""
    print(USAGE)
    try:
        from gpool.config.short_help import classes
    except ModuleNotFoundError as error:
        print(f"every command needs {error.name}: pip install 'gpool[train]'")
    else:
        print(classes(), end="")
    return status


def _versions() -> str:
    """A line for each of gpool and what computes, whether or not it is installed."""
    found = {
        "gpool": gpool.__version__,
        "torch": torch.__version__,
        "torch_geometric": torch_geometric.__version__,
    }
    try:
        found["lightning"] = version("lightning")
    except PackageNotFoundError:
        found["lightning"] = "not installed: pip install 'gpool[train]'"
    return "\n".join(f"{name} {told}" for name, told in {**found, "python": python_version()}.items())


def _command(words: list[str]) -> int:
    from gpool.config.mistakes import ConfigError

    command, *rest = words
    if command in ("bench", "report"):
        from gpool.bench import command as benchmark

        return benchmark.bench(rest) if command == "bench" else benchmark.report(rest)
    if command == "list":
        from gpool.config.listing import KINDS, listing

        if len(rest) != 1 or rest[0].startswith("-"):
            raise ConfigError(f"gpool list needs one KIND of {', '.join(KINDS)}")
        print(listing(rest[0]))
        return 0
    if command == "data":
        from gpool.config.data_command import data

        return data(rest)
    if command == "new":
        from gpool.starter import new

        return new(rest)
    if command == "predict":
        from gpool.config.predict import predict

        return predict(rest)
    if command not in TRAINING:
        known = ", ".join((*TRAINING, "predict", "bench", "report", "data", "list", "new"))
        raise ConfigError(f"COMMAND={command!r} must be one of {known}")
    return _train(words)


def _train(words: list[str]) -> int:
    asked = next((k for k, word in enumerate(words) if word in ("-h", "--help")), None)
    if asked is not None and words[asked + 1 : asked + 2] != ["all"]:
        from gpool.config.short_help import short_help

        print(short_help(words[0]), end="")
        return 0
    from gpool.config.at_prompt import AtPrompt

    AtPrompt([word for k, word in enumerate(words) if asked is None or k != asked + 1])
    return 0


def _put_working_folder_last() -> None:
    """Let import paths name modules in the working folder, but none that hides an installed one.

    ``python -m`` puts that folder first; it stays there only where it is the one that gpool is run from.
    """
    here = os.getcwd()
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.path and sys.path[0] in ("", here) and here != home:
        del sys.path[0]
    if here not in sys.path:
        sys.path.append(here)


if __name__ == "__main__":
    sys.exit(main())
