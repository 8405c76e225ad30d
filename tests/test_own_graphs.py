"""docs/own_graphs.md runs as printed: its files are written, its commands run, their output compared."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gpool.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "own_graphs.md"
BLOCK = re.compile(r"```(python|console)\n(.*?)```", flags=re.DOTALL)
NUMBER = re.compile(r"-?\d[\d.]*(?:e-?\d+)?")


class Step(NamedTuple):
    """A command and the lines that the page prints below it."""

    command: str
    shown: list[str]


def steps() -> Iterator[Step | str]:
    """The steps of the page, and the files (as text) that it has one write."""
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "python":
            yield text
            continue
        for part in text.removeprefix("$ ").split("\n$ "):
            command, *shown = part.strip("\n").split("\n")
            yield Step(command, shown)


def skeleton(line: str) -> str:
    """A line without its numbers, which differ between machines."""
    return re.sub(r"\s+", " ", NUMBER.sub("#", line)).strip()


def run(command: str) -> tuple[int, str]:
    """The status of a command and what is printed where it is no command of gpool."""
    program, *words = command.split()
    if program == "cd":
        os.chdir(words[0])
    elif program == "head":
        count, path = int(words[0].removeprefix("-")), Path(words[1])
        return 0, "\n".join(path.read_text(encoding="utf-8").splitlines()[:count])
    else:
        assert program == "gpool", command
        return main(words), ""
    return 0, ""


@pytest.mark.slow
def test_the_page_runs_as_printed(own_folder: Path, capsys: pytest.CaptureFixture) -> None:
    commands = 0
    for step in steps():
        if isinstance(step, str):
            name = step.partition("\n")[0].removeprefix("# ")
            assert name.endswith(".py")
            Path(name).write_text(step, encoding="utf-8")
            continue
        capsys.readouterr()
        status, text = run(step.command)
        found = capsys.readouterr()
        told = {skeleton(line) for line in (text + found.out + found.err).splitlines()}
        mistake = any(line.startswith("gpool: ") for line in step.shown)
        assert status == (2 if mistake else 0), f"{step.command}\n{found.out}{found.err}"
        for line in step.shown:
            assert skeleton(line) in told, f"{step.command}\n{line}\nis not among\n{sorted(told)}"
        commands += step.command.startswith("gpool ")
    assert commands >= 10
