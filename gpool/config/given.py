"""What a command line or a YAML file gives, before any default is filled in."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

__all__ = [
    "MISSING",
    "class_at",
    "config_files",
    "flag_value",
    "given_at",
    "given_config",
    "with_nested_nulls",
]

MISSING = object()  # no value is given
FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")  # 1e-3, which YAML 1.1 takes for text
ROOTS = ("model", "data", "trainer")


def given_config(args: Any) -> Mapping[str, Any]:
    """What command line arguments give: the YAML files, one laid over the other, and the flags over both."""
    if isinstance(args, Mapping):
        return args
    config: dict[str, Any] = {}
    for _, given in config_files(args):
        config = _laid_over(config, given)
    for flag, value in _flags(args or []):
        if flag.split(".")[0] in ROOTS:
            _put(config, flag.split("."), flag_value(value))
    return config


def config_files(args: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The files that ``--config`` names and what they hold; the parser says what is wrong with the others."""
    for flag, path in _flags(args or []):
        if flag in ("config", "c"):
            try:
                with open(path, encoding="utf-8") as file:
                    given = yaml.safe_load(file)
            except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
                continue
            if isinstance(given, Mapping):
                yield path, given


def flag_value(text: str) -> Any:
    """The value that the text of a flag stands for, read as YAML."""
    if FLOAT.fullmatch(text):
        return float(text)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def class_at(config: Mapping[str, Any] | None, path: str) -> str | None:
    """The import path that a configuration gives at a dotted key."""
    node = given_at(config, path)
    return node if isinstance(node, str) else node.get("class_path") if isinstance(node, Mapping) else None


def given_at(config: Any, path: str) -> Any:
    """The value that a configuration gives at a dotted key, else MISSING; ``init_args`` may be left out."""
    node = config
    for part in path.split("."):
        if part == "init_args":
            continue
        if not isinstance(node, Mapping):
            return MISSING
        inner = node.get("init_args")
        node = node.get(part, inner.get(part, MISSING) if isinstance(inner, Mapping) else MISSING)
    return node


def with_nested_nulls(words: Sequence[str], given: Mapping[str, Any]) -> list[str]:
    """The words, with null for an argument of a nested class said in a way that the parser reads as null."""
    said: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        parent, _, last = name.replace(".init_args.", ".").rpartition(".")
        said.append(word)
        if "." not in parent or class_at(given, parent.lstrip("-")) is None:
            continue
        if not equals:
            said += [value := next(rest, "")]
        if value and flag_value(value) is None:
            del said[-1 if equals else -2 :]
            said.append(f"{parent}={json.dumps({'init_args': {last: None}})}")
    return said


def _flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and values of the flags among the words of a command line."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            yield name.lstrip("-"), value if equals else following


def _laid_over(base: Any, change: Any) -> Any:
    """The change laid over the base, as the parser does: a class keeps arguments that were given before."""
    if isinstance(base, Mapping) and "class_path" in base and isinstance(change, str):
        change = {"class_path": change}
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return copy.deepcopy(change)
    return {**base, **{key: _laid_over(base.get(key), value) for key, value in change.items()}}


def _put(config: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set a value at a path; a class on the way has its arguments below ``init_args``."""
    node = config
    *parents, last = [part for part in path if part != "init_args"]
    for part in parents:
        node = _arguments(node)
        if not isinstance(node.get(part), dict):
            node[part] = {"class_path": node[part]} if isinstance(node.get(part), str) else {}
        node = node[part]
    node = _arguments(node)
    node[last] = _laid_over(node.get(last), value)


def _arguments(node: dict[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = node
    if "class_path" in node:
        if not isinstance(node.get("init_args"), dict):
            node["init_args"] = {}
        arguments = node["init_args"]
    return arguments
