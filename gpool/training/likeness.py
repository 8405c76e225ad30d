"""Whether two modules are alike but for the values of their parameters."""

from __future__ import annotations

import math
from types import FunctionType
from typing import Any

from lightning.pytorch import LightningModule
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torchmetrics import Metric, MetricCollection

__all__ = ["difference"]

BASE = frozenset(vars(nn.Module()))
UNMADE = (UninitializedBuffer, UninitializedParameter)  # lazy modules have no shapes yet


def difference(module: nn.Module, other: nn.Module) -> str | None:
    """The first difference in classes, state or plain attributes; None where there is none."""
    ours, theirs = _modules(module), _modules(other)
    if list(ours) != list(theirs) or list(map(type, ours.values())) != list(map(type, theirs.values())):
        return f"{type(module).__name__} has other modules when it is built from its attributes"
    if _shapes(module) != _shapes(other):
        return f"{type(module).__name__} has a state of other shapes when it is built from its attributes"
    for path, part in ours.items():
        for name, value in _plain(part).items():
            found = vars(theirs[path]).get(name, "no value")
            if not _equal(value, found):
                owner = f"{type(part).__name__}.{name}"
                return f"{owner} is {value!r:.40}, but {found!r:.40} when it is built from its attributes"
    return None


def _modules(module: nn.Module) -> dict[str, nn.Module]:
    return dict(module.named_modules())


def _shapes(module: nn.Module) -> dict[str, Any]:
    learned = {name for name, _ in module.named_parameters()}
    return {
        name: (name in learned, None if isinstance(value, UNMADE) else value.shape)
        for name, value in module.state_dict(keep_vars=True).items()
    }


def _plain(part: nn.Module) -> dict[str, Any]:
    """The attributes that must be equal; not what a metric or a trainer's hook counts."""
    if isinstance(part, (Metric, MetricCollection)):
        return {}
    private = isinstance(part, LightningModule)
    names = [n for n in vars(part) if n not in BASE and not (private and n.startswith("_"))]
    return {name: value for name in names if _is_plain(value := vars(part)[name])}


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple, set)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, (bool, int, float, str, FunctionType))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, FunctionType) and isinstance(b, FunctionType):
        return a is b or (a.__code__ == b.__code__ and _inside(a) == _inside(b))
    both = isinstance(a, float) and isinstance(b, float)
    return type(a) is type(b) and (bool(a == b) or (both and math.isnan(a) and math.isnan(b)))


def _inside(function: FunctionType) -> list[Any]:
    """The plain values that a function was made with."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return [value for value in (*cells, *(function.__defaults__ or ())) if _is_plain(value)]
