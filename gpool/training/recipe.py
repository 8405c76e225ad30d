"""Descriptions of objects by import path and arguments, read off their attributes, and how to build them.

A description has plain values, lists and dictionaries only: ``{"class_path", "init_args"}`` for an object,
``{"import"}`` for a function or a class, ``{"missing"}``, with the reason, for what cannot be described.
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gpool.training.likeness import difference

__all__ = ["Given", "build", "describe", "missing"]

VALUES = (bool, int, float, str, type(None))
NOTHING = object()


class Given:
    """An object that takes the place of a part of a description."""

    def __init__(self, value: Any) -> None:
        self.value = value


def describe(module: nn.Module) -> Any:
    """The description of a module; it was built again and compared, or it says what is missing.

    An argument of the constructor is the attribute of its name (or ``_init_NAME``, ``initial_NAME``, where
    there is one), else its default. The module built from them must have the same modules, the same shapes in
    its state and the same plain attributes.
    """
    found = _object(module, verify=False)
    if not list(missing(found)) and _differs(module, found) is None:
        return found
    return _verified(module)  # slower: finds the part that is to blame


def _verified(module: nn.Module) -> Any:
    """The description of a module, every module in it verified."""
    why = None
    for derived in (True, False):
        found = _object(module, verify=True, derived=derived)
        if list(missing(found)):
            return found
        now = _differs(module, found)
        if now is None:
            return found
        why = why or now
    return {"missing": why}


def missing(description: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The arguments that a description lacks, as dotted paths, each with the reason."""
    if isinstance(description, (list, tuple)):
        for i, part in enumerate(description):
            yield from missing(part, f"{path}.{i}")
    elif isinstance(description, dict):
        if "missing" in description:
            yield path.removeprefix("."), description["missing"]
        yield from missing(description.get("args", []), path)
        for name, part in description.get("init_args", {}).items():
            yield from missing(part, f"{path}.{name}")


def build(description: Any) -> Any:
    """The object of a description. It imports and calls what the description names."""
    if isinstance(description, Given):
        return description.value
    if isinstance(description, (list, tuple)):
        return type(description)(map(build, description))
    if not isinstance(description, dict):
        return description
    if "import" in description:
        return pkgutil.resolve_name(description["import"])
    make = pkgutil.resolve_name(description["class_path"])
    named = {name: build(part) for name, part in description.get("init_args", {}).items()}
    return make(*map(build, description.get("args", [])), **named)


def _differs(module: nn.Module, description: Any) -> str | None:
    """Why a module is not what its description builds."""
    # Building draws random weights; the numbers of the run that is being saved must not move.
    from lightning.pytorch.utilities.seed import isolate_rng

    try:
        with isolate_rng():
            built = build(description)
    except Exception as error:  # a constructor may raise anything
        return f"{type(module).__name__} cannot be built from its attributes: {error}"
    return difference(module, built)


def _part(value: Any, verify: bool) -> Any:
    """The description of an argument."""
    if type(value) in VALUES:
        return value
    if isinstance(value, (list, nn.ModuleList)):
        return [_part(item, verify) for item in value]
    if type(value) is tuple:
        return tuple(_part(item, verify) for item in value)
    if isinstance(value, nn.Module):
        return _verified(value) if verify else _object(value, verify)
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return {"class_path": "builtins.dict", "init_args": {k: _part(v, verify) for k, v in value.items()}}
    if isinstance(value, functools.partial):
        return {
            "class_path": "functools.partial",
            "args": [_part(item, verify) for item in (value.func, *value.args)],
            "init_args": {name: _part(item, verify) for name, item in value.keywords.items()},
        }
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value, verify)
    path = str(value) if isinstance(value, torch.dtype) else _import_path(value)
    told = " ".join(repr(value).split())
    return {"missing": f"{told:.80} has no import path"} if path is None else {"import": path}


def _object(owner: Any, verify: bool, derived: bool = True) -> dict[str, Any]:
    """The description of an object; ``derived``: properties count as attributes."""
    kind = type(owner)
    path = _import_path(kind)
    if path is None:
        return {"missing": f"the class {kind.__name__} has no import path: define it at the top of a module"}
    if kind in (nn.Sequential, nn.ModuleDict):
        children = [(name, _child(child, verify)) for name, child in owner.named_children()]
        return {"class_path": path, "args": [{"class_path": "collections.OrderedDict", "args": [children]}]}
    named = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            value = _argument(owner, name, parameter, derived)
            named[name] = value.value if isinstance(value, Given) else _part(value, verify)
    return {"class_path": path, "init_args": named}


def _child(child: nn.Module, verify: bool) -> Any:
    found = _part(child, verify)
    return {"class_path": "torch.nn.ModuleList", "args": [found]} if isinstance(found, list) else found


def _argument(owner: Any, name: str, parameter: inspect.Parameter, derived: bool) -> Any:
    """What an argument of the constructor was, as far as the attributes tell."""
    default = parameter.default
    for key in (f"_init_{name}", f"initial_{name}", name, f"_{name}"):
        value = getattr(owner, key, NOTHING)
        kept = derived or not isinstance(getattr(type(owner), key, None), property)
        if value is NOTHING or inspect.ismethod(value) or not kept:
            continue
        if isinstance(default, bool) or parameter.annotation in (bool, "bool"):
            return value if isinstance(value, bool) else value is not None  # such as nn.Linear's bias
        if isinstance(value, nn.Dropout) and isinstance(default, (int, float)):
            return value.p
        if isinstance(value, nn.Module) and isinstance(mode := getattr(owner, f"{name}_mode", None), str):
            return mode  # such as jk of PyG's models
        if not isinstance(value, Tensor):
            return value
    if default is not parameter.empty:
        return default
    return Given({"missing": f"{type(owner).__name__} keeps no attribute {name!r}"})


def _import_path(item: Any) -> str | None:
    """The shortest path that imports a class or a function; None where there is none."""
    for name in dict.fromkeys((getattr(item, "__qualname__", ""), getattr(item, "__name__", ""))):
        home = (getattr(item, "__module__", None) or "torch").split(".")
        for module in (*(".".join(home[: i + 1]) for i in range(len(home))), "torch.nn.functional"):
            value: Any = sys.modules.get(module)
            for part in name.split("."):
                value = getattr(value, part, None)
            if value is item and name:
                return f"{module}.{name}"
    return None
