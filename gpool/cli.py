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
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0 if words else 2
    try:
        from gpool.training.mistakes import ConfigError
    except ModuleNotFoundError as error:
        print(f"gpool: the command needs {error.name}: pip install 'gpool[train]'", file=sys.stderr)
        return 2

    sys.path.insert(0, os.getcwd())  # import paths in a configuration may name modules beside it
    try:
        if words[0] in ("bench", "report"):
            from gpool.bench import command

            return command.bench(words[1:]) if words[0] == "bench" else command.report(words[1:])
        if words[0] not in ("fit", "validate", "test", "predict"):
            known = "fit, validate, test, predict, bench, report"
            raise ConfigError(f"COMMAND={words[0]!r} must be one of {known}")
        from gpool.training.configuration import Configuration

        Configuration(args=words)
    except ConfigError as error:
        print(f"gpool: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
