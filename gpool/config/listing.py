"""What there is to put into a configuration: public classes by kind, each in one line with its citation."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import NamedTuple

import torch_geometric.nn.aggr
from lightning.pytorch import LightningDataModule, LightningModule
from torch import nn
from torch_geometric.nn.aggr import Aggregation

import gpool
from gpool.config.mistakes import ConfigError
from gpool.history import HistoryReadout
from gpool.pooling import Pooling

__all__ = ["KINDS", "Entry", "entries", "listing"]


class Kind(NamedTuple):
    """Where classes of a kind are exported, their base, and the method that each of them must define."""

    room: str
    base: type
    work: str = "forward"


KINDS = {
    "readouts": Kind("gpool.readout", Aggregation),
    "histories": Kind("gpool.history", HistoryReadout),
    "poolings": Kind("gpool.pooling", Pooling, "pool"),
    "links": Kind("gpool.link", nn.Module),
    "models": Kind("gpool.models", nn.Module),
    "data": Kind("gpool.data", LightningDataModule, "train_dataloader"),
    "tasks": Kind("gpool.training", LightningModule, "training_step"),
}

PYG_ROOM = "torch_geometric.nn"  # has all of torch_geometric.nn.aggr, under a shorter name

ROLE = re.compile(r":\w+:`~?(?:[\w.]+\.)?([^`]+)`")
LINK = re.compile(r"`(\"?[^`<]+?\"?)\s*<[^>]+>`_+")
LATEX = re.compile(r"\\math\w+|[\\{}]")
CITED = re.compile(r"\s*\([^()]*arXiv:[^()]*\)")
ARXIV = re.compile(r"(?i)arxiv(?:\.org/abs/|:)\s*(\d{4}\.\d{4,5})")


class Entry(NamedTuple):
    """A class as a configuration names it, what it computes, and the papers that its docstring cites."""

    path: str
    line: str
    papers: tuple[str, ...]


def entries(kind: str, pyg: bool = False) -> list[Entry]:
    """The classes of a kind that a configuration can name; with ``pyg`` PyG's readouts, too.

    Raises:
        ConfigError: for an unknown kind.
    """
    if kind not in KINDS:
        raise ConfigError(f"KIND={kind!r} must be one of {', '.join(KINDS)}")
    rooms = [KINDS[kind].room, *([PYG_ROOM] if pyg and kind == "readouts" else [])]
    return [_entry(room, cls) for room in rooms for cls in _exported(room, KINDS[kind])]


def listing(kind: str) -> str:
    """:func:`entries` as text, one line for each."""
    found = entries(kind, pyg=True)
    width = max(len(entry.path) for entry in found)
    lines = []
    for path, line, papers in found:
        cited = f" [{', '.join(f'arXiv:{paper}' for paper in papers)}]" if papers else ""
        lines.append(f"{path:<{width}}  {line}{cited}")
    return "\n".join(lines)


def _exported(room: str, kind: Kind) -> list[type]:
    public = vars(import_module(room))
    names = torch_geometric.nn.aggr.__all__ if room == PYG_ROOM else public["__all__"]
    return [cls for name in names if isinstance(cls := public[name], type) and _whole(cls, kind)]


def _whole(cls: type, kind: Kind) -> bool:
    """Whether a class is of a kind and can be used as it is, not only to derive others from."""
    if not issubclass(cls, kind.base) or getattr(cls, kind.work) is getattr(kind.base, kind.work, None):
        return False
    members = (inspect.getattr_static(cls, name, None) for name in dir(cls))
    return not any(getattr(member, "__isabstractmethod__", False) for member in members)


def _entry(room: str, cls: type) -> Entry:
    short = getattr(gpool, cls.__name__, None) is cls
    text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    return Entry(f"{'gpool' if short else room}.{cls.__name__}", _first_sentence(text), _papers(text))


def _papers(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ARXIV.findall(text)))


def _first_sentence(text: str) -> str:
    """The first sentence of a docstring, without the marks of reStructuredText."""
    paragraph = re.sub(r"\s+", " ", text.split("\n\n")[0])
    plain = LATEX.sub("", LINK.sub(r"\1", ROLE.sub(r"\1", CITED.sub("", paragraph)))).replace("``", "")
    return re.split(r"\.(?:\s|$)", plain)[0].rstrip(":")
