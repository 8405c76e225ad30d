"""A data set of PyG where a data module is expected: it becomes the source of one."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from torch_geometric.data import Dataset

from gpool.config.given import class_at, config_files

__all__ = ["as_data_module", "with_data_module"]


def as_data_module(data: Any, model: Any) -> Any:
    """The configuration of a data module whose source is the given data set; other data as they are.

    Args:
        data: an import path, or a mapping with ``class_path`` and ``init_args``.
        model: the configuration of the task; a data set of one graph is :class:`gpool.data.Nodes` for a
            :class:`gpool.training.NodeTask`, any other :class:`gpool.data.Graphs`.
    """
    path = class_at({"data": data}, "data")
    if path is None or not _is_data_set(path):
        return data
    task = (class_at({"model": model}, "model") or "").rpartition(".")[2]
    module = "gpool.data.Nodes" if task == "NodeTask" else "gpool.data.Graphs"
    return {"class_path": module, "init_args": {"source": data}}


def with_data_module(args: Any, given: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """The arguments of a configuration and what they give, with a data module for a data set of PyG."""
    data = as_data_module(given.get("data"), given.get("model"))
    if data is given.get("data"):
        return args, given
    given = {**given, "data": data}
    return given if isinstance(args, Mapping) else [*_without_data(args), f"--data={json.dumps(data)}"], given


def _is_data_set(path: str) -> bool:
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return False  # the parser says what is wrong with it
    return inspect.isclass(found) and issubclass(found, Dataset)


def _without_data(words: Sequence[str]) -> Iterator[str]:
    """The words of a command line without what they say of the data; files become their content."""
    files = config_files(words)
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        if name in ("-c", "--config"):
            held = next(files, None)
            if held is not None:
                if not equals:
                    next(rest)
                yield f"--config={json.dumps({key: v for key, v in held[1].items() if key != 'data'})}"
                continue
        if name == "--data" or name.startswith("--data."):
            if not equals:
                next(rest, None)
            continue
        yield word
