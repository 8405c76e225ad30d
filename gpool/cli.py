"""The ``gpool`` command: train one model, run a benchmark, report it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

USAGE = """usage: gpool COMMAND ...

Graph readouts, hierarchical pooling and link pooling, trained and compared.

  gpool fit --config X.yaml         train a model        (also: validate, test, predict)
  gpool bench PLAN.yaml             run a benchmark      [--jobs N] [--out DIR], resumes what was interrupted
  gpool report DIR                  its table and plot   [--metric NAME]

gpool COMMAND --help says more. A key of a YAML file can be given as a flag: --model.readout gpool.GNP
"""


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
        print(USAGE)
        return 0 if words else 2
    try:
        from gpool.config.mistakes import ConfigError
    except ModuleNotFoundError as error:
        print(f"gpool: the command needs {error.name}: pip install 'gpool[train]'", file=sys.stderr)
        return 2

    _put_working_folder_last()
    try:
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


def _command(words: list[str]) -> int:
    if words[0] in ("bench", "report"):
        from gpool.bench import command

        return command.bench(words[1:]) if words[0] == "bench" else command.report(words[1:])
    from gpool.config.mistakes import ConfigError

    if words[0] not in ("fit", "validate", "test", "predict"):
        known = "fit, validate, test, predict, bench, report"
        raise ConfigError(f"COMMAND={words[0]!r} must be one of {known}")
    from gpool.config.configuration import Configuration

    Configuration(args=words)
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
