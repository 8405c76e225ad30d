"""Segment functions, attention and selection, for the malformed calls."""

from __future__ import annotations

from random import Random
from typing import Any

import torch
from malformed_targets import (
    COUNT,
    DIM,
    IDS,
    LIST,
    PRECISION,
    PTR,
    SCALAR,
    SHAPES,
    TYPES,
    WIDTH,
    Arguments,
    B,
    C,
    N,
    Target,
    X,
    const,
    index,
    nodes,
    pointer,
    put,
    reduced,
    rows,
    same,
)  # fmt: skip

from gpool.ops import segment
from gpool.ops.attention import ragged_attention
from gpool.ops.partition.topk import keep_count, topk_select
from gpool.ops.segment import Magnitude

ANYWHERE = {"index": [*IDS, *LIST], "ptr": [*PTR, *LIST], "dim_size": COUNT}


def one_of_both(r: Random) -> Arguments:
    """Which segment every entry belongs to, by index or by ptr, with or without dim_size."""
    if r.random() < 0.4:
        return {"ptr": pointer(r), **({"dim_size": B} if r.random() < 0.3 else {})}
    return {"index": index(r), **({"dim_size": B} if r.random() < 0.7 else {})}


def _x(r: Random) -> Arguments:
    dim = r.choice([0, 0, -2, 1, -1])
    x = nodes(r)
    return {"x": x if dim in (0, -2) else x.t().contiguous(), "dim": dim, **one_of_both(r)}


def _function(name: str, more: dict[str, list[Any]] | None = None, **fixed: Any) -> Target:
    function = getattr(segment, name)
    wrong: dict[str, list[Any]] = {**ANYWHERE, "x": X, "dim": DIM, **(more or {})}
    keeps = name == "segment_softmax"
    shape = (lambda a: tuple(a["x"].shape)) if keeps else reduced(None)
    return Target(
        name, function, lambda r: {**_x(r), **fixed}, wrong, shape, {"x": ("index", "ptr", "p", "q", "tau")}
    )


def _attend(r: Random) -> Arguments:
    return {"score": nodes(r)[:, :2], "value": nodes(r), **one_of_both(r)}


def _read(r: Random) -> Arguments:
    return {"query": nodes(r, 3), "key": nodes(r), "value": nodes(r), **one_of_both(r)}


def _attention(r: Random) -> Arguments:
    of = index(r)
    q, k, v = (nodes(r).view(N, 2, 3) for _ in range(3))
    sizes = torch.bincount(of, minlength=B).tolist()
    extra: Arguments = r.choice([{}, {"dim_size": B}, {"sizes": sizes}, {"max_size": max(sizes)}])
    return {"query": q, "key": k, "value": v, "index": of, **extra}


def _selection(r: Random) -> Arguments:
    return {"score": nodes(r)[:, 0], "batch": index(r), "count": torch.full((B,), 2), "batch_size": B}


def _sizes(function: Any) -> Any:
    return lambda r, v, a: function(list(v))


SIZES = [
    _sizes(lambda v: [*v, 0]), _sizes(lambda v: v[:-1]), _sizes(lambda v: [v[0] + 1, v[1] - 1, *v[2:]]),
    _sizes(lambda v: [*v[:-1], -1]), _sizes(lambda v: [float(n) for n in v]), _sizes(lambda v: [sum(v)]),
]  # fmt: skip
ENTRY = [*TYPES[1:2], *SCALAR, *SHAPES[:2], same(lambda v: v.long())]
PQ = [
    *const(float("nan"), float("inf")),
    same(lambda v: torch.ones(C + 1)),
    same(lambda v: torch.ones(2, 3, 4)),
]

TARGETS = [
    _function("segment_sum"),
    _function("segment_mean"),
    _function("segment_max"),
    _function("segment_min"),
    _function("segment_softmax"),
    _function("segment_logsumexp", {"tau": [*const(0.0, -1.0, float("nan")), *PQ[2:]]}, tau=0.5),
    _function(
        "segment_norm",
        {"p": [*PQ, *const(0.0)], "q": PQ, "magnitude": const(Magnitude("x"), Magnitude(eps_mode="x"))},
        p=2.0,
        q=0.5,
        magnitude=Magnitude(),
    ),
    Target("segment_count", segment.segment_count, one_of_both, ANYWHERE, lambda a: (rows(a),)),
    Target(
        "segment_broadcast",
        segment.segment_broadcast,
        lambda r: {"y": nodes(r, B), **({"ptr": pointer(r)} if r.random() < 0.4 else {"index": index(r)})},
        {
            "y": [*SCALAR, same(lambda v: v[:-1]), same(lambda v: v[:0])],
            "index": [*IDS[:2], IDS[4], put(-1), put(B), IDS[-1], *LIST],
            "ptr": [*PTR, *LIST],
            "length": const(-1, 2.5, N - 1, N + 1),
            "dim": const(7, -9, 1.5),
        },
        also={"y": ("index", "ptr"), "length": ("index", "ptr")},
    ),
    Target(
        "segment_attend",
        segment.segment_attend,
        _attend,
        {**ANYWHERE, "score": ENTRY, "value": ENTRY},
        lambda a: (rows(a), *a["score"].shape[1:], C),
        {"score": ("value", "index", "ptr"), "value": ("score", "index", "ptr")},
    ),
    Target(
        "segment_weighted_sum",
        segment.segment_weighted_sum,
        lambda r: {"weight" if k == "score" else k: v for k, v in _attend(r).items()},
        {**ANYWHERE, "weight": ENTRY, "value": ENTRY},
        lambda a: (rows(a), a["weight"].size(1), C),
        {"weight": ("value", "index", "ptr"), "value": ("weight", "index", "ptr")},
    ),
    Target(
        "segment_power_attend",
        segment.segment_power_attend,
        lambda r: {**_attend(r), "power": 2.0},
        {**ANYWHERE, "score": ENTRY, "value": ENTRY, "power": const(0.0, -1.0), "eps": const(0.0, -1.0)},
        lambda a: (rows(a), 2, C),
        {"score": ("value", "index", "ptr"), "value": ("score", "index", "ptr")},
    ),
    Target(
        "segment_score",
        segment.segment_score,
        lambda r: {"query": nodes(r, 3), "key": nodes(r), **one_of_both(r)},
        {**ANYWHERE, "query": [*WIDTH, *SCALAR, *ENTRY[-1:], ENTRY[0]], "key": [*ENTRY, *WIDTH]},
        lambda a: (N, 3),
        {"key": ("query", "index", "ptr")},
    ),
    Target(
        "segment_read",
        segment.segment_read,
        _read,
        {
            **ANYWHERE,
            "query": [*WIDTH, *SCALAR, *ENTRY[-1:], ENTRY[0]],
            "key": [*ENTRY, *WIDTH],
            "value": ENTRY,
        },
        lambda a: (rows(a), a["query"].size(-2), C),
        {"key": ("query", "value", "index", "ptr"), "value": ("key", "index", "ptr")},
    ),
    Target(
        "ragged_attention",
        ragged_attention,
        _attention,
        {
            "query": [*ENTRY, *WIDTH, *PRECISION],
            "key": [*ENTRY, *WIDTH, *PRECISION],
            "value": [*ENTRY, *WIDTH, *PRECISION],
            "index": [*IDS, *LIST],
            "dim_size": COUNT,
            "sizes": SIZES,
            "max_size": const(0, -3, 1, 2.5),
            "dropout": const(-0.1, 1.5, float("nan")),
        },
        lambda a: (N, 2, 3),
        {"index": ("sizes", "max_size", "dim_size"), "dim_size": ("sizes",)},
    ),
    Target(
        "topk_select",
        topk_select,
        _selection,
        {
            "score": ENTRY,
            "batch": [*IDS, *LIST],
            "count": [*TYPES[:2], *SHAPES, *LIST],
            "batch_size": [*COUNT, *const(B + 1)],
        },
        also={"batch_size": ("count",)},
    ),
    Target(
        "keep_count",
        keep_count,
        lambda r: {"size": torch.tensor([3, 0, 5]), "ratio": r.choice([0.5, 2])},
        {"ratio": const(0.0, -0.5, 1.5, 0, -2, True, "half", float("nan"), None)},
    ),
]
