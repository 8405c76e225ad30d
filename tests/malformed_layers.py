"""Layers, models and records, for the malformed calls: their construction and their forward."""

from __future__ import annotations

from inspect import Parameter, signature
from random import Random
from typing import Any

import torch
from malformed_segments import SIZES, one_of_both
from malformed_targets import (
    ATTRIBUTES,
    COUNT,
    DIM,
    EDGES,
    IDS,
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
    graph,
    index,
    nodes,
    put,
    reduced,
    same,
)  # fmt: skip
from torch_geometric.nn import Aggregation, GraphConv

import gpool
from gpool.history import NodeAttention
from gpool.models import Encoder, GraphModel, GraphParsingNetwork, SparseHierarchicalNet
from gpool.ops.subgraph.record import EnclosingSubgraphs

NAN = float("nan")
WHOLE = const(0, -1, 2.5)
LAYERS = {
    "GNP": gpool.GNP(C),
    "GNP both": gpool.GNP(C, branch="both"),
    "GNP split": gpool.GNP(C, branch="both", mix="sum", negative="split", learn=False),
    "PowerMean": gpool.PowerMean(C, groups=2),
    "PowerMean shift": gpool.PowerMean(C, negative="shift"),
    "LogMeanExp": gpool.LogMeanExp(C),
    "ExponentialAdaptive": gpool.ExponentialAdaptive(C),
    "GeneralizedSum": gpool.GeneralizedSum(C),
    "Mixture": gpool.Mixture([gpool.LogMeanExp(C), gpool.PowerMean(None)], gate="graph", channels=C),
    "Nested": gpool.Nested(gpool.LogMeanExp(C), gpool.LogMeanExp(C)),
    "Slots": gpool.Slots(C, slots=1),
    "Slots mixture": gpool.Slots(C, slots=1, mixture=True),
    "TokenGraph": gpool.TokenGraph(C, convs=[GraphConv(C, C)], readout=gpool.LogMeanExp(C), jump="max"),
    "QueryAttention": gpool.QueryAttention(C, value="identity", power=2.0),
    "QueryAttention seeds": gpool.QueryAttention(C, query=1, heads=2, steps=1),
}
HISTORIES = {
    "HistoGraph": gpool.HistoGraph(C, heads=2),
    "HistoGraph mean": gpool.HistoGraph(C, node_attention=False, mix="learned"),
    "HistoGraph band": gpool.HistoGraph(C, max_nodes=N),
    "LayerResampler": gpool.LayerResampler(C, num_layers=3, latents=2, heads=2),
}
POOLINGS = {
    "GraphParsing": gpool.GraphParsing(C),
    "EdgeContraction": gpool.EdgeContraction(C),
    "SparseCoarsening": gpool.SparseCoarsening(C, ratio=0.5),
    "SparseCoarsening budget": gpool.SparseCoarsening(C, ratio=0.5, select="budget"),
}
MODELS = {
    "GraphModel": GraphModel(Encoder(C, hidden_channels=8, num_layers=2), gpool.GNP(8), out_channels=3),
    "GraphModel history": GraphModel(
        Encoder(C, hidden_channels=8, num_layers=2), gpool.HistoGraph(8), out_channels=3
    ),
    "GraphModel pooling": GraphModel(
        Encoder(C, hidden_channels=8, num_layers=2),
        gpool.GNP(8),
        out_channels=3,
        pooling=[gpool.SparseCoarsening(8)],
    ),
    "GraphParsingNetwork": GraphParsingNetwork(C, hidden_channels=8, out_channels=3),
    "SparseHierarchicalNet": SparseHierarchicalNet(C, hidden_channels=8, out_channels=3),
}
for _layer in (*LAYERS.values(), *HISTORIES.values(), *POOLINGS.values(), *MODELS.values()):
    _layer.eval()

# PyG's Aggregation looks before a readout does, and says "dim_size" of an index, "dimension" of a dim.
PYG = {
    "x": ("index", "ptr", "dimension"),
    "index": ("dim_size",),
    "ptr": ("dim_size",),
    "dim": ("dimension", "x"),
}


def _width(layer: Aggregation) -> int | None:
    """The width of a row, where it is another than that of x."""
    return None if layer.out_channels == C else layer.out_channels


def _aggregation(name: str) -> Target:
    wrong = {"x": [*X, *WIDTH], "index": IDS, "ptr": PTR, "dim_size": COUNT, "dim": DIM}
    return Target(
        name,
        LAYERS[name],
        lambda r: {"x": nodes(r), **one_of_both(r)},
        wrong,
        reduced(_width(LAYERS[name])),
        also=PYG,
    )


def _stack(r: Random) -> Arguments:
    of = index(r)
    sizes = torch.bincount(of, minlength=B).tolist()
    extra: Arguments = r.choice([{}, {"dim_size": B}, {"sizes": sizes}])
    return {"history": [nodes(r) for _ in range(3)], "index": of, **extra}


def _layer(function: Any) -> Any:
    """One layer of the history is malformed."""

    def wrong(r: Random, v: list[torch.Tensor], a: Arguments) -> list[torch.Tensor]:
        out, depth = list(v), r.randrange(3)
        out[depth] = function(r, out[depth], a)
        return out

    return wrong


HISTORY = [_layer(f) for f in (*X, *WIDTH, *PRECISION)] + [
    *const([]), same(lambda v: v[0]), same(lambda v: torch.stack(v)[0]),
]  # fmt: skip


def _history(name: str) -> Target:
    def valid(r: Random) -> Arguments:
        drawn = _stack(r)
        if name == "LayerResampler":
            drawn.pop("sizes", None)
        return drawn

    wrong = {"history": HISTORY, "index": IDS, "dim_size": COUNT, "sizes": SIZES}
    if name == "LayerResampler":
        wrong.pop("sizes")
    also = {"index": ("sizes", "dim_size"), "dim_size": ("sizes",), "history": ("index", "sizes")}
    return Target(
        name, HISTORIES[name], valid, wrong, lambda a: reduced(None)({**a, "x": nodes(Random())}), also
    )


def _graph(layer: Any, name: str, shape: Any) -> Target:
    def valid(r: Random) -> Arguments:
        drawn = graph(r)
        if r.random() < 0.3:
            drawn["edge_attr"] = torch.rand(drawn["edge_index"].size(1))
        return drawn

    wrong = {
        "x": [*X[:3], *X[5:], *WIDTH, *PRECISION],
        "edge_index": EDGES,
        "edge_attr": ATTRIBUTES,
        "batch": IDS,
        "batch_size": COUNT,
    }
    return Target(name, layer, valid, wrong, shape, {"x": ("edge_index", "batch")})


def _pooled(layer: Any) -> Any:
    return lambda **a: layer(**a).x[:, 0].new_zeros(layer(**a).batch_size, C)


def _made(name: str, make: Any, valid: Arguments, wrong: dict[str, list[Any]]) -> Target:
    """A construction."""
    return Target(f"{name}()", make, lambda r: dict(valid), wrong)


CHANNELS = {"channels": WHOLE}
BOUNDS = {"p_min": const(0.0, -1.0, NAN), "p_max": const(0.0, float("inf"), NAN)}
EXPONENT = {"p": const(0.0, -1.0, 1e9, NAN), "param": const("power"), "eps": const(-1.0, NAN), **BOUNDS}
MADE = [
    _made("GNP", gpool.GNP, {"channels": C}, {
        **CHANNELS, **EXPONENT, "q": const(NAN, float("inf")), "branch": const("x", None),
        "mix": const("x"), "eps_mode": const("x"), "negative": const("x"),
    }),
    _made("PowerMean", gpool.PowerMean, {"channels": C}, {
        **CHANNELS, **EXPONENT, "groups": const(0, -1, 4, 2.5), "negative": const("x")}),
    _made("LogMeanExp", gpool.LogMeanExp, {"channels": C}, {
        **CHANNELS, "tau": const(0.0, -1.0, NAN, float("inf")), "tau_min": const(0.0, -1.0, NAN)}),
    _made("ExponentialAdaptive", gpool.ExponentialAdaptive, {"channels": C}, {
        **CHANNELS, "beta": const(0.0, 1.5, NAN), "eps": const(0.0, NAN)}),
    _made("QueryAttention", gpool.QueryAttention, {"channels": C}, {
        **CHANNELS, "query": const("x", 0, -1, 2.5, True), "heads": const(0, -1, 4, 2.5), "value": const("x"),
        "power": const(0.0, -1.0, NAN), "steps": const(-1, 2.5), "output": const("x"),
        "scale": const(0.0, NAN), "eps": const(0.0, NAN)}),
    _made("GeneralizedSum", gpool.GeneralizedSum, {"channels": C}, {
        **CHANNELS, "out_channels": WHOLE, "prototypes": WHOLE, "keep": const(0.0, 1.5, NAN),
        "sharpness": const(0.0, NAN)}),
    _made("Mixture", gpool.Mixture, {"children": [gpool.GNP(C)]}, {
        "children": const([], [1]), "gate": const("x", "graph"), "channels": WHOLE}),
    _made("Slots", gpool.Slots, {"channels": C}, {
        **CHANNELS, "slots": WHOLE, "steps": WHOLE, "hidden": WHOLE, "eps": const(0.0, NAN),
        "min_variance": const(0.0, NAN)}),
    _made("TokenGraph", gpool.TokenGraph, {"channels": C, "convs": [], "readout": gpool.GNP(C)}, {
        **CHANNELS, "readout": const(1), "tau": const(-2.0, NAN), "jump": const("x", "max")}),
    _made("HistoGraph", gpool.HistoGraph, {"channels": C, "heads": 2}, {
        **CHANNELS, "heads": const(0, -1, 4, 2.5), "norm": const("x"), "mix": const("x", 2.0, NAN),
        "dropout": const(-0.5, 1.0, NAN), "eps": const(0.0, NAN), "max_nodes": const(0, -1, 2.5),
        "in_channels": const([], [0, 4], -1, [4.5]), "shared_projection": const(False)}),
    _made("NodeAttention", NodeAttention, {"channels": C, "heads": 2}, {
        **CHANNELS, "heads": const(0, -1, 4, 2.5), "dropout": const(1.0, NAN), "max_nodes": const(0, 2.5)}),
    _made("LayerResampler", gpool.LayerResampler, {"channels": C, "num_layers": 2, "heads": 2}, {
        **CHANNELS, "heads": const(0, -1, 4, 2.5), "latents": WHOLE, "num_layers": [*WHOLE, *const(None)],
        "feed_forward": const(-1, 1.5), "dropout": const(1.0, NAN), "in_channels": const([4], -1, [4.5, 4])}),
    _made("SparseCoarsening", gpool.SparseCoarsening, {"channels": C}, {
        **CHANNELS, "ratio": const(0.0, 1.5, 0, NAN, True, "x"), "eps": const(0.0, -1.0, NAN),
        "select": const("x")}),
    _made("GraphParsing", gpool.GraphParsing, {"channels": C}, {**CHANNELS, "ties": const("x")}),
    _made("EdgeContraction", gpool.EdgeContraction, {"channels": C}, CHANNELS),
    _made("WalkPool", gpool.WalkPool, {"channels": C}, {
        **CHANNELS, "hidden_channels": WHOLE, "heads": WHOLE, "walk_length": WHOLE,
        "dropout": const(1.0, -1.0, NAN)}),
    _made("Encoder", Encoder, {"in_channels": C, "hidden_channels": 8}, {
        "in_channels": WHOLE, "hidden_channels": WHOLE, "num_layers": WHOLE, "conv": const("x"),
        "norm": const("x"), "dropout": const(-0.5, 1.5, NAN)}),
]  # fmt: skip


def _read(a: Arguments) -> tuple[int, ...]:
    return (a["batch_size"] if a.get("batch_size") is not None else int(a["batch"].max()) + 1, 3)


WALK = gpool.WalkPool(C, hidden_channels=4, heads=2, walk_length=2).eval()
TRIANGLES = torch.tensor([[0, 1, 1, 2, 2, 0, 3, 4, 4, 5], [1, 0, 2, 1, 0, 2, 4, 3, 5, 4]])
TARGET = torch.tensor([False] * 4 + [True] * 2 + [True] * 2 + [False] * 2)


def _walk(z: torch.Tensor, **record: Any) -> torch.Tensor:
    return WALK(z, EnclosingSubgraphs.from_edges(**record))


def _record(r: Random) -> Arguments:
    z = nodes(r, 6)
    return {"z": z, "edge_index": TRIANGLES, "is_target": TARGET, "batch": torch.tensor([0, 0, 0, 1, 1, 1])}


WALKS = Target(
    "WalkPool",
    _walk,
    _record,
    {
        "z": [*SCALAR, *SHAPES[:2], *WIDTH, *PRECISION, same(lambda v: v.long())],
        "edge_index": [*TYPES, same(lambda v: v.t()), same(lambda v: v[0]), put(-1), put(6), put(10**12)],
        "is_target": [
            same(lambda v: v.long()), same(lambda v: v[:-1]), same(lambda v: ~v), same(lambda v: v & False),
            same(lambda v: v | True),
        ],
        "batch": [*TYPES[:2], *SHAPES, *SCALAR, put(-1), same(lambda v: v.flip(0))],
    },
    lambda a: (2, WALK.out_channels),
    {
        "edge_index": ("is_target", "batch"),
        "is_target": ("edge_index", "batch"),
        "batch": ("edge_index", "is_target", "z"),
    },
)  # fmt: skip

for _name, _class in vars(gpool).items():  # readouts that need no line above, such as one just written
    if isinstance(_class, type) and issubclass(_class, Aggregation) and _name not in LAYERS:
        _needed = [p.name for p in signature(_class).parameters.values() if p.default is Parameter.empty]
        if _needed == ["channels"]:
            LAYERS[_name] = _class(C).eval()
            MADE.append(_made(_name, _class, {"channels": C}, CHANNELS))

TARGETS = [
    *(_aggregation(name) for name in LAYERS),
    *(_history(name) for name in HISTORIES),
    *(_graph(_pooled(layer), name, lambda a: (_read(a)[0], C)) for name, layer in POOLINGS.items()),
    *(_graph(layer, name, _read) for name, layer in MODELS.items()),
    *MADE,
    WALKS,
]
