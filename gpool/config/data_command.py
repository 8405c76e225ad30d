"""``gpool data``: which data sets are there, whether they are whole, and folds as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gpool.config.configuration import Parser
from gpool.config.mistakes import ConfigError
from gpool.config.rehearsal import one_line
from gpool.data import GraphData, MissingData, data_root
from gpool.data.files.splits import write_splits
from gpool.data.files.sums import check_sums, note_sums
from gpool.data.folds import drawn_split
from gpool.data.known_sets import Place, data_of, place_of, places

__all__ = ["data"]

ABOUT = {
    "list": "Print which data sets are under the data root, and which are not.",
    "check": "Read data sets and compare their files with their checksums (SHA256SUMS beside them).",
    "fetch": "Fetch data sets that are missing, or say what to place where; note their checksums.",
    "split": "Write the folds of a set of graphs into a file, which data.split_files reads.",
}
NOTHING = "no checksums are known: gpool data check --note notes those of these files"


def data(words: list[str]) -> int:
    """Run ``gpool data list``, ``check``, ``fetch`` or ``split``; the exit status."""
    command, rest = (words[0] if words else ""), words[1:]
    if command not in ABOUT:
        told = "\n".join(f"  gpool data {name:<6} {about}" for name, about in ABOUT.items())
        if command in ("-h", "--help"):
            print(told)
            return 0
        raise ConfigError(f"gpool data needs one of {', '.join(ABOUT)}; got {command!r}")
    parser = Parser(prog=f"gpool data {command}", description=ABOUT[command])
    parser.add_argument("--root", type=str, help="folder of all data sets; default: GPOOL_DATA, else data")
    if command == "list":
        return _list(data_root(parser.parse_args(rest).root))
    if command == "split":
        return _split(parser, rest)
    parser.add_argument("names", type=str, nargs="*", help="of data sets; default: all that are there")
    parser.add_argument("--note", action="store_true", help="note the checksums of files that have none")
    parser.add_argument("--offline", action="store_true", help="leave the network alone")
    args = parser.parse_args(rest)
    root = data_root(args.root)
    if command == "fetch" and not args.names:
        raise ConfigError("gpool data fetch needs the NAMES of data sets")
    try:
        chosen = [place_of(name, root) for name in args.names]
    except ValueError as error:
        raise ConfigError(str(error)) from None
    every = chosen or [place for place in places(root) if place.files()]
    offline = {"GPOOL_OFFLINE": "1"} if command == "check" or args.offline else {}
    with patch.dict(os.environ, offline):
        return max([_check(place, root, args.note or command == "fetch") for place in every], default=0)


def _list(root: Path) -> int:
    for place in places(root):
        files = place.files()
        size = sum(path.stat().st_size for path in files) / 2**20
        state = f"{len(files)} files, {size:.1f} MiB" if files else "missing"
        print(f"{place.name:<20} {state:<24} {place.folder / (place.file or '')}")
    return 0


def _check(place: Place, root: Path, note: bool) -> int:
    """Tell whether a set is whole; 1 where it is not."""
    try:
        known = check_sums(place.folder, place.files())
        content = _content(data_of(place.name, root))
        files = place.files()
        if note and known != len(files) and files:
            note_sums(place.folder, files)
            known = check_sums(place.folder, files)
    except (MissingData, ValueError, OSError) as error:
        print(f"{place.name}: {one_line(error)}")
        return 1
    told = f"{known} of {len(files)} files have the checksums noted" if known else NOTHING
    print(f"{place.name}: {content}; {told}")
    return 0


def _content(found: Any) -> str:
    found.setup("fit")
    if isinstance(found, GraphData):
        return f"{len(found.graphs)} graphs"
    return f"{found.graph.num_nodes} nodes"


def _split(parser: Parser, words: list[str]) -> int:
    parser.add_argument("name", type=str, help="of a set of graphs, an import path, or a .pt file")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--val_fraction", type=float, default=0.1, help="of the graphs outside the test fold")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=str, help="default: NAME-folds.json")
    args = parser.parse_args(words)
    if args.folds < 2:
        raise ConfigError(f"--folds={args.folds} must be at least 2")
    if not 0 < args.val_fraction < 1:
        raise ConfigError(f"--val_fraction={args.val_fraction} must be between 0 and 1")
    out = Path(args.out or f"{Path(args.name).stem}-folds.json").absolute()
    if out.suffix != ".json":
        raise ConfigError(f"--out={args.out} must end in .json")
    try:
        found = data_of(args.name, data_root(args.root))
        if not isinstance(found, GraphData) or "split" in vars(type(found)):
            raise ConfigError(f"NAME={args.name} has a split of its own, no folds to draw")
        labels = found.labels
        drawn = (args.folds, args.val_fraction, args.seed)
        write_splits(out, [drawn_split(labels, fold, *drawn) for fold in range(args.folds)])
    except (MissingData, ValueError, TypeError) as error:
        raise ConfigError(one_line(error)) from None
    print(f"{out}: {args.folds} folds of {len(labels)} graphs; use data.split_files: {out}")
    return 0
