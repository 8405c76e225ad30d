"""Where own graphs come from: a list, a PyG data set, a file, or an import path to what makes them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch_geometric.data import Batch, Data, Dataset, OnDiskDataset
from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
from torch_geometric.data.separate import separate
from torch_geometric.data.storage import GlobalStorage

__all__ = ["Source", "read_source"]

SAFE = [Data, DataEdgeAttr, DataTensorAttr, GlobalStorage]
"""What a saved ``Data`` consists of, beside tensors and Python's own types."""

Source: TypeAlias = str | Dataset | Sequence[Data]
WANTED = "a list of torch_geometric.data.Data, a PyG Dataset, a .pt file of either, or an import path to them"


def read_source(source: Any, init_args: Mapping[str, Any] | None = None) -> Sequence[Data] | OnDiskDataset:
    """The graphs of a source, see :class:`gpool.data.Graphs`.

    Raises:
        FileNotFoundError: there is no such ``.pt`` file.
        TypeError, ValueError: the source is none of these; it says what was found.
    """
    given = source
    if isinstance(source, (str, os.PathLike)):
        if str(source).endswith((".pt", ".pth")):
            if init_args:
                raise ValueError(
                    f"init_args={dict(init_args)!r} must be left out: source={given!r} is a file"
                )
            source = _from_file(Path(source))
        else:
            source = _imported(str(source), init_args)
    elif init_args:
        raise ValueError(f"init_args={dict(init_args)!r} need a source that is an import path")
    if isinstance(source, OnDiskDataset):
        return source
    if isinstance(source, Batch):
        source = source.to_data_list()
    elif isinstance(source, Data):
        source = [source]
    if not isinstance(source, Iterable) or isinstance(source, (str, bytes, Mapping, torch.Tensor)):
        raise TypeError(f"source={_short(given)} is {type(source).__name__}, it must be {WANTED}")
    graphs = list(source)
    for k, graph in enumerate(graphs):
        if not isinstance(graph, Data):
            raise TypeError(
                f"source={_short(given)}: graph {k} is {type(graph).__name__}, it must be a torch_geometric "
                "Data"
            )
    return graphs


def _short(given: Any) -> str:
    return repr(given) if isinstance(given, (str, os.PathLike)) else type(given).__name__


def _imported(path: str, init_args: Mapping[str, Any] | None) -> Any:
    module, _, name = path.rpartition(".")
    if not module:
        raise ValueError(f"source={path!r} must be {WANTED}, such as my_module.my_graphs or my_graphs.pt")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"source={path!r} cannot be imported: {error}") from error
    if not callable(found) or isinstance(found, (Dataset, Data)):
        if init_args:
            raise ValueError(
                f"init_args={dict(init_args)!r} must be left out: source={path!r} is no function"
            )
        return found
    try:
        return found(**(init_args or {}))
    except TypeError as error:
        raise TypeError(f"source={path!r} with init_args={dict(init_args or {})!r}: {error}") from error


def _from_file(path: Path) -> Any:
    """What a ``.pt`` file holds, read without running code: graphs, or what ``InMemoryDataset.save`` put."""
    if not path.is_file():
        raise FileNotFoundError(f"source={str(path)!r} is no file")
    try:
        with torch.serialization.safe_globals(SAFE):
            held = torch.load(path, weights_only=True)
    except Exception as error:  # a damaged or foreign file can raise anything
        reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"source={str(path)!r} cannot be loaded safely; it must hold Data, a list of Data, or what PyG's "
            f"InMemoryDataset.save writes ({type(error).__name__}: {reason[:120]})"
        ) from error
    if isinstance(held, tuple) and len(held) in (2, 3) and isinstance(held[0], (dict, Data)):
        return _separated(held)
    return held


def _separated(held: tuple[Any, ...]) -> Any:
    whole = Data.from_dict(held[0]) if isinstance(held[0], dict) else held[0]
    if held[1] is None:
        return [whole]
    count = next(iter(held[1].values())).numel() - 1
    return [separate(Data, whole, k, held[1], decrement=False) for k in range(count)]
