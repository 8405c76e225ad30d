"""Mistakes in a configuration, each said in one line.

jsonargparse reports a mistake as an indented tree: which key, which of several types failed and why, and the
whole value that was given. :func:`explain` keeps the key, what is wrong, and what would be right.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from gpool.config.given import class_at

__all__ = ["ConfigError", "explain"]

KEY = re.compile(r'Parser key "([^"]+)"')
NESTED = re.compile(r"NestedArg\(key='([^']+)'")
CLASS = re.compile(r"Problem with given class_path '([^']+)'")
GROUP = re.compile(r"Group '([^']+)' does not accept option '([^']+)'")
OPTION = re.compile(r"Option '([^']+)' is not accepted")
ATTRIBUTE = re.compile(r"module '([^']+)' has no attribute '([^']+)'")
EXPECTED = re.compile(r"Expected a (.+?)\. Got value: (.*)")
GIVEN = re.compile(r"Given value: (.*)")
REQUIRED = re.compile(r"the following arguments are required: (.*)")
UNKNOWN = re.compile(r"(?i)unrecognized arguments: (.*)")
NOISE = re.compile(
    r"Expected a <class '[^']+'>$|Does not validate against|Subtypes:|Errors:|Given value|Expected a path but"
    r"|does not correspond to a subclass|^Parser key|^Problem with given class_path|^$"
)


class ConfigError(ValueError):
    """A mistake in a configuration or a flag: one line, the key and what would be right."""


def explain(message: str, config: Mapping[str, Any] | None = None) -> str:
    """One line for a report of jsonargparse; the classes that ``config`` names are looked up in it."""
    lines = [line.strip().removeprefix("- ").strip() for line in message.splitlines()]
    keys = [found.group(1) for line in lines if (found := KEY.search(line))]
    nested = [found.group(1) for line in lines if (found := NESTED.search(line))]
    path = ".".join([*keys[:1], max(nested, key=len)]) if nested else ".".join(keys)
    place = f"{path}: " if path else ""
    classes = [found.group(1) for line in lines if (found := CLASS.search(line))]
    for line in lines:
        if found := OPTION.search(line):
            option = found.group(1)
            parent = path.removesuffix(option).removesuffix(".")
            name = classes[-1] if classes else class_at(config, parent)
            return f"{parent + '.' if parent else ''}{option}: no such option{_of(name, option)}"
        if found := GROUP.search(line):
            group, option = found.groups()
            owner = "lightning.pytorch.Trainer" if group == "trainer" else None
            return f"{group}.{option}: no such option{_of(owner, option)}"
        if found := ATTRIBUTE.search(line):
            module, name = found.groups()
            return f"{place}{module} has no {name!r}{_nearest(name, dir(import_module(module)))}"
        if found := REQUIRED.search(line):
            return f"{place}needs {found.group(1)}"
        if found := UNKNOWN.search(line):
            return f"{found.group(1)}: no such argument; see gpool --help"
        if found := EXPECTED.search(line):
            return f"{place}got {found.group(2)!r}, must be {_readable(found.group(1))}"
    told = [line for line in lines if not NOISE.search(line)]
    if told:
        return place + re.sub(r"\s+", " ", told[0] if path else " ".join(told))
    wanted = [line.removeprefix("Expected a ") for line in lines if line.startswith("Expected a <class")]
    given = next((found.group(1) for line in lines if (found := GIVEN.search(line))), "?")
    if wanted:
        return f"{place}got {given!r}, must be {' or '.join(dict.fromkeys(map(_readable, wanted)))}"
    wrong = [line for line in lines if "does not correspond to a subclass" in line]
    return place + " ".join(wrong[:1] or lines)


def _readable(kind: str) -> str:
    if kind.startswith("typing.Literal["):
        return "one of " + kind.removeprefix("typing.Literal[").removesuffix("]")
    return kind.removeprefix("<class '").removesuffix("'>").replace("NoneType", "null")


def _of(name: str | None, option: str) -> str:
    """' of CLASS; did you mean ...', where the class is known."""
    if name is None:
        return ""
    module, _, attribute = name.rpartition(".")
    try:
        accepted = list(inspect.signature(getattr(import_module(module), attribute)).parameters)
    except (ImportError, AttributeError, ValueError, TypeError):
        return f" of {name}"
    return f" of {name}{_nearest(option, accepted)}"


def _nearest(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, [k for k in known if not k.startswith("_")], n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; it has {', '.join(k for k in known if not k.startswith('_'))}"
