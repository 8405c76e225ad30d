"""HistoGraph: golden cases and the loop oracle, values and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gpool import HistoGraph
from gpool.history import depth_encoding, depth_scores, mix_layers
from gpool.ops.segment import segment_mean

from .oracle import encoding, histograph, problem

GOLDEN = [
    "histograph_base.json",
    "histograph_per_layer_dims.json",
    "histograph_batch_scope.json",
    "histograph_special.json",
]
DEFAULTS = {"norm": "signed", "heads": 1, "mix": None}
SWITCHES = {
    "pos_enc": True,
    "node_attention": True,
    "residual": False,
    "layer_norm": False,
    "zero_token": False,
}


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def from_case(case: dict[str, Any], params: dict[str, Any], shared: bool) -> HistoGraph:
    options = {**DEFAULTS, **SWITCHES, **case["options"]}
    eps = options.pop("guard", 1e-6)
    options.pop("scope", None)
    weights = [double(w) for w in params["W_emb"]]
    widths = [w.size(1) for w in weights]
    layer = HistoGraph(
        weights[0].size(0),
        in_channels=widths[0] if shared else widths,
        shared_projection=None if shared else False,
        qk_bias=True,
        eps=eps,
        **options,
    ).double()
    values = {"query": "Q", "key": "K"}
    with torch.no_grad():
        for linear, w, b in zip(layer.embed, weights, params["b_emb"], strict=True):
            linear.weight.copy_(w), linear.bias.copy_(double(b))
        for name, letter in values.items():
            getattr(layer, name).weight.copy_(double(params[f"W_{letter}"]))
            getattr(layer, name).bias.copy_(double(params[f"b_{letter}"]))
        if layer.attention is not None:
            layer.attention.in_proj.weight.copy_(torch.cat([double(params[f"A_{x}"]) for x in "QKV"]))
            layer.attention.in_proj.bias.copy_(torch.cat([double(params[f"a_{x}"]) for x in "QKV"]))
            layer.attention.out_proj.weight.copy_(double(params["A_O"]))
            layer.attention.out_proj.bias.copy_(double(params["a_O"]))
        if layer.norm_layer is not None:
            layer.norm_layer.weight.copy_(double(params["ln_g"]))
            layer.norm_layer.bias.copy_(double(params["ln_b"]))
    return layer


def golden_cases(read: Any, name: str):
    file = read(name)
    history, params = None, None
    for case in file["cases"]:
        history, params = case.get("history", history), case.get("params", params)
        yield case, [double(x) for x in history], from_case(case, params, file["shared_embedding"])


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(golden: Any, name: str) -> None:
    for case, history, layer in golden_cases(golden, name):
        if case["options"].get("scope") == "batch":
            continue  # the layer refuses to average over the batch; see test_no_graph_sees_another
        index, size, expected = torch.tensor(case["batch"]), len(case["sizes"]), case["expected"]
        offsets = layer._offsets(history)
        close = {"rtol": 1e-9, "atol": 1e-10, "msg": lambda m, case=case: f"{case['name']}: {m}"}
        last_mean = segment_mean(history[-1], index, dim_size=size)
        weights = [f.weight for f in layer.embed]
        query, key = (layer.query.weight, layer.query.bias), (layer.key.weight, layer.key.bias)
        c = depth_scores(history, weights, offsets, query, key, last_mean, index, size)
        alpha = layer.depth_weights(history, index, size)
        h = mix_layers(history, weights, offsets, alpha, index)
        torch.testing.assert_close(segment_mean(layer.node_scores(history), index, dim_size=size), c, **close)
        got = {"c": c, "alpha": alpha, "H": h, "Z": layer.nodes(history, index, size)}
        got["Y" if "Y" in expected else "G"] = layer(history, index, size)
        if layer.pos_enc:
            got["P"] = depth_encoding(len(history), layer.channels, c)
        for key_, value in got.items():
            if key_ in expected:
                torch.testing.assert_close(value, double(expected[key_]), **close)


def test_golden_gradient(golden: Any) -> None:
    file = golden("histograph_base.json")
    case, history, layer = next(golden_cases(golden, "histograph_base.json"))
    history = [x.requires_grad_() for x in history]
    y = layer(history, torch.tensor(case["batch"]), len(case["sizes"]))
    (y * double(file["gradient"]["R"])).sum().backward()
    got = {
        "W_Q": layer.query.weight,
        "W_K": layer.key.weight,
        "history_0": history[0],
        "history_last": history[-1],
    }
    for name, tensor in got.items():
        expected = double(file["gradient"]["finite_difference"][name])
        torch.testing.assert_close(tensor.grad, expected, rtol=1e-6, atol=1e-8)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"heads": 2, "norm": "softmax", "residual": True, "layer_norm": True},
    {"norm": "uniform", "pos_enc": False, "zero_token": True, "mix": 0.25},
    {"norm": "last", "node_attention": False, "mix": "learned"},
    {"norm": "none", "qk_bias": True, "heads": 3, "layer_norm": True, "feed_forward": 2},
    {
        "qk_bias": True,
        "tie_qk_init": True,
        "residual": True,
        "node_attention": False,
        "max_nodes": 6,
    },
    {"heads": 2, "norm": "softmax", "residual": True, "layer_norm": True, "feed_forward": 2},
    {"norm": "softmax", "residual": True, "feed_forward": 1, "node_attention": False},
    {"max_nodes": 6, "heads": 2, "zero_token": True, "mix": "learned"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    kind=st.sampled_from(["shared", "own width", "per layer", "widths differ"]),
    num_layers=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_equals_the_loop(options: dict, sizes: list[int], kind: str, num_layers: int, seed: int) -> None:
    widths = {"shared": [4] * num_layers, "widths differ": [4, 6, 3, 5][:num_layers]}.get(
        kind, [6] * num_layers
    )
    in_channels = {"shared": 4, "own width": None}.get(kind, widths)
    shared = False if kind in ("per layer", "widths differ") else None
    history, index, size = problem(sizes, widths, seed)
    torch.manual_seed(seed)
    readout = HistoGraph(6, in_channels=in_channels, shared_projection=shared, **options).double()
    expected = histograph(readout, history, index, size)
    alpha = readout.depth_weights(history, index, size)
    some = torch.bincount(index, minlength=size) > 0
    scale = (
        1 + float(expected["alpha"][some].detach().abs().max()) if some.any() else 1.0
    )  # 1 / S amplifies rounding
    close = {"rtol": 1e-11 * scale, "atol": 1e-11 * scale**2}
    torch.testing.assert_close(alpha[some], expected["alpha"][some], **close)
    torch.testing.assert_close(readout.node_scores(history), expected["s"], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(readout.nodes(history, index, size), expected["Z"], **close)
    torch.testing.assert_close(readout(history, index, size), expected["Y"], **close)
    if len(set(widths)) == 1:
        stacked = readout(torch.stack(history, dim=1), index, size)
        torch.testing.assert_close(stacked, readout(history, index, size), rtol=1e-13, atol=1e-13)
    by_sizes = readout(history, index, sizes=torch.bincount(index, minlength=size).tolist())
    torch.testing.assert_close(by_sizes, expected["Y"], **close)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients(options: dict) -> None:
    history, index, size = problem([3, 0, 1, 4], [6, 6, 6])
    readout = HistoGraph(6, **options).double()
    leaves = [x.requires_grad_() for x in (*history, *readout.parameters())]
    upstream = torch.randn(size, 6, dtype=torch.float64)
    got = torch.autograd.grad(readout(history, index, size), leaves, upstream, allow_unused=True)
    want = torch.autograd.grad(
        histograph(readout, history, index, size)["Y"], leaves, upstream, allow_unused=True
    )
    for g, w in zip(got, want, strict=True):
        zero = torch.zeros(1, dtype=torch.float64)
        pair = torch.broadcast_tensors(zero if g is None else g, zero if w is None else w)
        torch.testing.assert_close(*pair, rtol=1e-9, atol=1e-10)
    assert torch.autograd.gradcheck(lambda *h: readout(list(h), index, size), history, fast_mode=True)


@pytest.mark.parametrize("channels", [1, 6, 7])
def test_depth_encoding(channels: int) -> None:
    like = torch.zeros(1, dtype=torch.float64)
    torch.testing.assert_close(
        depth_encoding(64, channels, like), encoding(64, channels), rtol=1e-12, atol=1e-12
    )
