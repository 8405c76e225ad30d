"""What a malformed call is made of: a public name, arguments that are right, and ways to spoil each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import torch
from torch import Tensor

Arguments = dict[str, Any]
Wrong = Callable[[Random, Any, Arguments], Any]
N, B, C, E = 9, 4, 6, 14  # nodes, graphs, channels, edges
ORDINARY = (ValueError, TypeError, IndexError)


@dataclass(frozen=True)
class Target:
    """A public name.

    Args:
        call: what is called with the arguments.
        valid: draws arguments that are right.
        wrong: for every argument that may be malformed, the ways in which it is.
        shape: the shape of what comes back from these arguments, if they are accepted.
        also: other names that a message may use for an argument.
    """

    name: str
    call: Callable[..., Any]
    valid: Callable[[Random], Arguments]
    wrong: dict[str, list[Wrong]]
    shape: Callable[[Arguments], tuple[int, ...]] | None = None
    also: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Value:
    """A wrong value, whatever was there, or nothing was."""

    value: Any

    def __call__(self, r: Random, v: Any, a: Arguments) -> Any:
        return self.value


def const(*values: Any) -> list[Wrong]:
    return [Value(value) for value in values]


def put(value: int) -> Wrong:
    """One entry of a tensor of integers becomes ``value``."""

    def wrong(r: Random, v: Tensor, a: Arguments) -> Tensor:
        out = v.clone()
        out.view(-1)[r.randrange(out.numel())] = value
        return out

    return wrong


def far(r: Random, v: Tensor, a: Arguments) -> Tensor:
    """One entry is far outside: beyond the size, where one is given, else below 0."""
    return put(10**9 if {"dim_size", "batch_size", "sizes"} & set(a) else -(10**9))(r, v, a)


def same(function: Callable[[Any], Any]) -> Wrong:
    return lambda r, v, a: function(v)


TYPES = [same(lambda v: v.float()), same(lambda v: v.bool()), same(lambda v: v.to(torch.complex64))]
SHAPES = [same(lambda v: v[:-1]), same(lambda v: torch.cat([v, v[:1]])), same(lambda v: v.unsqueeze(-1))]
SCALAR = [same(lambda v: v.reshape(-1)[0])]
IDS = [*TYPES[:2], *SHAPES, *SCALAR, put(-1), put(B), far, put(-(2**40)), same(lambda v: v.int())]
LIST = [same(lambda v: v.tolist())]
COUNT = const(-1, 0, 2, 2.5, -(10**6))


def jump(by: int) -> Wrong:
    """The second entry of a ptr leaps, so that it falls from there or to there."""
    return lambda r, v, a: torch.cat([v[:1], v[1:2] + by, v[2:]])


PTR = [
    *TYPES[:2], *SCALAR, same(lambda v: v.unsqueeze(0)), same(lambda v: v[:0]), same(lambda v: v.flip(0)),
    same(lambda v: v + 1), same(lambda v: v[:-1]), same(lambda v: torch.cat([v, v[-1:] + 3])),
    same(lambda v: v.int()), jump(1000), jump(-1000),
]  # fmt: skip
DIM = const(7, -9, 2, 1.5)
X = [
    same(lambda v: v.long()), same(lambda v: v > 0), *SCALAR, *SHAPES[:2], *TYPES[2:],
    same(lambda v: v.unsqueeze(0)), same(lambda v: v[:0]),
]  # fmt: skip
WIDTH = [same(lambda v: v[..., :-1]), same(lambda v: torch.cat([v, v], -1))]
PRECISION = [same(lambda v: v.double()), same(lambda v: v.half())]
EDGES = [
    *TYPES, same(lambda v: v.int()), same(lambda v: torch.cat([v, v[:1]])), same(lambda v: v.t()), *SCALAR,
    same(lambda v: v[0]), put(-1), put(N), put(10**12),
]  # fmt: skip
ATTRIBUTES = [same(lambda v: v[:-1]), same(lambda v: v[:, None, None]), *SCALAR]


def nodes(r: Random, n: int = N) -> Tensor:
    return torch.rand(n, C, generator=torch.Generator().manual_seed(r.randrange(10**6)))


def index(r: Random) -> Tensor:
    return torch.tensor([r.randrange(B) for _ in range(N)])


def pointer(r: Random) -> Tensor:
    return torch.tensor([0, *sorted(r.randrange(N + 1) for _ in range(B - 1)), N])


def graph(r: Random) -> Arguments:
    """A batch of graphs: edges within the graphs, both directions."""
    batch = torch.arange(N) * B // N
    ends = []
    while len(ends) < E:
        i, j = r.randrange(N), r.randrange(N)
        if i != j and batch[i] == batch[j]:
            ends += [(i, j), (j, i)]
    return {"x": nodes(r), "edge_index": torch.tensor(ends).t().contiguous(), "batch": batch, "batch_size": B}


def rows(a: Arguments) -> int:
    """How many segments accepted arguments name."""
    if a.get("ptr") is not None:
        return a["ptr"].numel() - 1
    if a.get("dim_size") is not None:
        return int(a["dim_size"])
    if a.get("sizes") is not None:
        return len(a["sizes"])
    return 1 if a.get("index") is None else int(a["index"].max()) + 1 if a["index"].numel() else 0


def reduced(width: int | None) -> Callable[[Arguments], tuple[int, ...]]:
    """[..., B, C] of [..., N, C] along ``dim``, or with ``width`` in place of C."""

    def shape(a: Arguments) -> tuple[int, ...]:
        out = list(a["x"].shape)
        out[a.get("dim", -2)] = rows(a)
        if width is not None:
            out[-1] = width
        return tuple(out)

    return shape
