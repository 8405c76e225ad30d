"""Starters that ``gpool new`` copies: data and a part of a model of one's own, a configuration and a plan.

The folders ``graph``, ``nodes`` and ``links`` hold what is copied, file by file. They are files like any
other: they are linted, and the tests run them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from gpool.config.configuration import Parser
from gpool.config.mistakes import ConfigError, explain

__all__ = ["copy_starter", "kinds", "new"]

HOME = Path(__file__).parent
COPIED = (".py", ".yaml")


def kinds() -> list[str]:
    """What a starter can be made for."""
    return sorted(folder.name for folder in HOME.iterdir() if any(folder.glob("fit.yaml")))


def copy_starter(kind: str, folder: Path) -> list[Path]:
    """Copy a starter into a folder, which is made where it is missing; the new files.

    Raises:
        ConfigError: an unknown kind, or a file of that name that is there already; then nothing is written.
    """
    if kind not in kinds():
        raise ConfigError(f"KIND={kind!r} must be one of {', '.join(kinds())}")
    sources = sorted(path for path in (HOME / kind).iterdir() if path.suffix in COPIED)
    there = [source.name for source in sources if (folder / source.name).exists()]
    if there:
        raise ConfigError(
            f"DIR={folder} has {', '.join(there)} already; nothing was written, name another DIR"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(source, folder / source.name)) for source in sources]


def new(words: list[str]) -> int:
    """``gpool new KIND [DIR]``: copy a starter and say how to go on; the exit status."""
    parser = Parser(prog="gpool new", description="Write a starter that runs as it is: own data, own model.")
    parser.add_argument("kind", type=str, help=f"what has labels: {', '.join(kinds())}")
    parser.add_argument("dir", type=str, nargs="?", default=".", help="where to write; default: here")
    try:
        args = parser.parse_args(words)
    except ConfigError as error:
        raise ConfigError(explain(str(error))) from None
    folder = Path(args.dir)
    for path in copy_starter(args.kind, folder):
        print(path)
    if folder != Path():
        print(f"next: cd {folder}")
    print(
        "next: gpool fit --config fit.yaml; gpool bench plan.yaml; then put your own data into the .py file"
    )
    return 0
