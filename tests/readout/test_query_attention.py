"""QueryAttention: each paper's readout as a loop over graphs, its limits, and its contract."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import gpool
from gpool.ops.segment import resolve
from gpool.ops.segment.attend import read_by_products
from gpool.testing import assert_readout

C, SIZE = 6, 5
GRAPHS = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty, 4 has one node
NODE = torch.tensor([6, -1, 3, -1, 5])  # one node of each graph
Layer = gpool.QueryAttention


def random(layer: Layer) -> Layer:
    """All parameters away from their start, layer norms and biases too."""
    for v in layer.parameters():
        torch.nn.init.normal_(v, std=0.7)
    return layer.double()


def normal(x: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
    x = x - x.mean(-1, keepdim=True)
    return x / (x.square().mean(-1, keepdim=True) + norm.eps).sqrt() * norm.weight + norm.bias


def loop(one: Callable[[Layer, Tensor, int], Tensor], layer: Layer, x: Tensor) -> Tensor:
    """One graph after another; zeros for those without nodes."""
    empty = x.new_zeros(layer.out_channels)
    return torch.stack([one(layer, x[g == GRAPHS], g) if (g == GRAPHS).any() else empty for g in range(SIZE)])


def equal(layer: Layer, one: Callable[[Layer, Tensor, int], Tensor], **call: Any) -> None:
    """Rows and the gradients in x and every parameter are those of the loop."""
    x = torch.randn(len(GRAPHS), C, dtype=torch.float64, requires_grad=True)
    random(layer)
    y, expected = layer(x, GRAPHS, dim_size=SIZE, **call), loop(one, layer, x)
    torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-11)
    weight, wanted = torch.randn_like(expected), (x, *layer.parameters())
    for a, b in zip(*(torch.autograd.grad((v * weight).sum(), wanted) for v in (y, expected)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9)


def heads_of(v: Tensor, heads: int) -> tuple[Tensor, ...]:
    return v.split(v.size(-1) // heads, dim=-1)


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Multi-head attention of the queries [S, C] over one graph's [n, C], before the output map."""
    out = []
    for qh, kh, vh in zip(heads_of(q, heads), heads_of(k, heads), heads_of(v, heads), strict=True):
        score = torch.stack([torch.stack([(a * b).sum() for b in kh]) for a in qh]) / math.sqrt(kh.size(1))
        out.append((score.exp() / score.exp().sum(1, keepdim=True)) @ vh)
    return torch.cat(out, dim=1)


@pytest.mark.parametrize("power", [2.0, 1.25, 0.6, 1.0])
def test_simpool(power: float) -> None:
    def simpool(layer: Layer, x: Tensor, g: int) -> Tensor:
        z, q = normal(x, layer.norm), layer.to_query.weight @ x.mean(0)
        alpha = torch.stack([q @ layer.to_key.weight @ v for v in z]).div(math.sqrt(C)).softmax(0)
        low = z.min()
        return (alpha[:, None] * (z - low + 1e-6) ** power).sum(0) ** (1 / power) + low - 1e-6

    equal(Layer(C, value="identity", power=power), simpool)


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("query", ["mean", "max", "node"])
def test_adaptive_pooling(heads: int, query: str) -> None:
    def adaptive(layer: Layer, x: Tensor, g: int) -> Tensor:
        own = (g == GRAPHS).nonzero().flatten()
        state = {
            "mean": x.mean(0),
            "max": x.max(0).values,
            "node": x[(own == NODE[g]).nonzero().flatten()][0],
        }
        q = layer.to_query.weight @ state[query]
        read = attention(q[None], x @ layer.to_key.weight.T, x @ layer.to_value.weight.T, heads)
        return layer.to_output.weight @ read[0]

    layer = Layer(C, heads=heads, query="max" if query == "max" else "mean")
    equal(layer, adaptive, **({"query_index": NODE} if query == "node" else {}))


@pytest.mark.parametrize("heads", [1, 2])
def test_pooling_by_multihead_attention(heads: int) -> None:
    def pma(layer: Layer, x: Tensor, g: int) -> Tensor:
        v = x @ layer.to_value.weight.T + layer.to_value.bias
        o = layer.seeds + attention(layer.seeds, x @ layer.to_key.weight.T, v, heads)
        return (o + F.relu(o @ layer.to_output.weight.T + layer.to_output.bias)).flatten()

    equal(Layer(C, query=3, heads=heads, output="residual", bias=True), pma)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_hopfield_pooling(steps: int) -> None:
    def hopfield(layer: Layer, x: Tensor, g: int) -> Tensor:
        z = normal(x, layer.norm)
        key, value, beta = z @ layer.to_key.weight.T, z @ layer.to_value.weight.T, 0.8
        rows = []
        for seed in layer.seeds:
            state = normal(seed, layer.seed_norm)
            for _ in range(steps):
                state = (beta * key @ state).softmax(0) @ key
            rows.append(layer.to_output.weight @ ((beta * key @ state).softmax(0) @ value))
        return torch.cat(rows)

    equal(Layer(C, query=3, steps=steps, layer_norm=True, scale=0.8), hopfield)


def test_power_with_heads_seeds_and_steps() -> None:
    def one(layer: Layer, x: Tensor, g: int) -> Tensor:
        key, v, rows = x @ layer.to_key.weight.T, x @ layer.to_value.weight.T, []
        for seed in layer.seeds:
            parts = []
            for q, k, u in zip(*(heads_of(t, 2) for t in (seed, key, v)), strict=True):
                q = (k @ q / math.sqrt(3)).softmax(0) @ k
                alpha = (k @ q / math.sqrt(3)).softmax(0)
                parts.append((alpha[:, None] * (u - v.min() + 1e-6) ** 3).sum(0) ** (1 / 3) + v.min() - 1e-6)
            rows.append(torch.cat(parts))
        return torch.cat(rows)

    equal(Layer(C, query=2, heads=2, power=3.0, steps=1, output="identity"), one)


SETTINGS: dict[str, dict[str, Any]] = {
    "SimPool": {"value": "identity", "power": 2.0},
    "adaptive pooling": {"heads": 2},
    "maximum query": {"query": "max", "heads": 2},
    "PMA": {"query": 3, "heads": 2, "output": "residual", "bias": True},
    "Hopfield": {"query": 2, "steps": 2, "layer_norm": True, "scale": 1.5},
    "all at once": {"query": 2, "heads": 2, "steps": 1, "power": 1.25, "layer_norm": True, "bias": True},
}


@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS)
def test_holds_to_the_contract(options: dict[str, Any]) -> None:
    assert_readout(Layer(8, **options), channels=8, size="mean")


def loudest(x: Tensor, index: Tensor, size: int) -> Tensor:
    """The node of every graph whose first channel is the largest, -1 in empty ones: [B]."""
    value, place = x[:, 0].detach().nan_to_num(), torch.arange(x.size(0))
    top = value.new_full((size,), -math.inf).scatter_reduce(0, index, value, "amax")
    place = torch.where(value == top[index], place, -1)
    return place.new_full((size,), -1).scatter_reduce(0, index, place, "amax")


@pytest.mark.parametrize("options", [{"heads": 2}, {"value": "identity", "power": 2.0}])
def test_a_designated_node_holds_to_the_contract(options: dict[str, Any]) -> None:
    def call(layer: Layer, inputs: tuple[Tensor, ...], index: Tensor, size: int) -> Tensor:
        x = inputs[0]
        return layer(x, index, dim_size=size, query_index=loudest(x, index, size))

    assert_readout(Layer(8, **options), channels=8, call=call, aggregation=False)


def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(len(GRAPHS), C, dtype=torch.float64), GRAPHS


@pytest.mark.parametrize("query", ["mean", 2])
def test_power_one_is_the_attention_mean(query: Any) -> None:
    (x, index), options = batch(), {"query": query, "value": "identity"}
    plain, power = (Layer(C, power=p, **options).double() for p in (None, 1.0))
    power.load_state_dict(plain.state_dict())
    torch.testing.assert_close(power(x, index, dim_size=SIZE), plain(x, index, dim_size=SIZE))


@pytest.mark.parametrize("options", [{}, {"query": 2}, {"query": "max", "heads": 2}, {"value": "identity"}])
def test_a_zero_query_gives_the_mean(options: dict[str, Any]) -> None:
    x, index = batch()
    layer = Layer(C, layer_norm=False, output="identity", **options).double()
    torch.nn.init.zeros_(layer.seeds if layer.to_query is None else layer.to_query.weight)
    v = x if layer.to_value is None else layer.to_value(x)
    mean = torch.stack([v[g == index].mean(0) if (g == index).any() else v[0] * 0 for g in range(SIZE)])
    torch.testing.assert_close(layer(x, index, dim_size=SIZE), mean.repeat(1, layer.out_channels // C))


def test_a_zero_query_gives_the_mean_of_normalized_nodes() -> None:
    (x, index), layer = batch(), random(Layer(C, value="identity", power=1.0))
    torch.nn.init.zeros_(layer.to_query.weight)
    z = normal(x, layer.norm)
    mean = torch.stack([z[g == index].mean(0) if (g == index).any() else z[0] * 0 for g in range(SIZE)])
    torch.testing.assert_close(layer(x, index, dim_size=SIZE), mean)


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_one_node_is_what_it_says_itself(steps: int) -> None:
    x, index = batch()[0][:1], torch.zeros(1, dtype=torch.long)
    layer = Layer(C, query=2, heads=2, steps=steps).double()
    torch.testing.assert_close(layer(x, index), layer.to_output(layer.to_value(x)).repeat(1, 2))
    simpool = Layer(C, value="identity", power=2.0, steps=steps).double()
    torch.testing.assert_close(simpool(x, index), F.layer_norm(x, (C,)))


def test_simpool_does_not_see_the_minimum_of_the_batch() -> None:
    """The released code shifts by the minimum over all of the batch, and so depends on the batch mates."""
    x, index = batch()
    layer = Layer(C, value="identity", power=2.0, layer_norm=False).double()
    y = layer(x, index, dim_size=SIZE)
    x[index == 2] -= 100
    assert torch.equal(layer(x, index, dim_size=SIZE)[[0, 4]], y[[0, 4]])


def test_identity_values_stay_between_their_extremes_and_follow_translations() -> None:
    x, index = batch()
    for power in (None, 2.0, 5.0):
        layer = random(Layer(C, query=1, value="identity", power=power, layer_norm=False))
        y = layer(x, index, dim_size=SIZE)
        for g in (0, 2, 4):
            low, high = x[g == index].min(0).values, x[g == index].max(0).values
            assert ((low - 1e-9 <= y[g]) & (y[g] <= high + 1e-9)).all()
        there = [0, 2, 4]
        torch.testing.assert_close(layer(x + 3, index, dim_size=SIZE)[there], y[there] + 3)


def test_the_energy_never_rises() -> None:
    """E = -lse(beta <q, k>) / beta + |q|^2 / 2, where W_K and W_V are the identity."""
    x, index, beta = *batch(), 2.0
    layer = random(Layer(C, query=3, value="identity", layer_norm=False, scale=beta))
    torch.nn.init.eye_(layer.to_key.weight)
    for g in (0, 2, 4):
        states = [layer.seeds.detach()]
        for layer.steps in range(12):  # the read after T steps is the state after T + 1
            states.append(layer(x, index, dim_size=SIZE)[g].detach().view(3, C))
        energies = torch.stack(
            [-(beta * q @ x[g == index].T).logsumexp(-1) / beta + q.square().sum(-1) / 2 for q in states]
        )
        assert (energies.diff(dim=0) <= 1e-12).all()
        assert (energies[0] - energies[-1] > 1e-3).all()


def test_well_separated_patterns_are_retrieved_in_one_step() -> None:
    x = 4 * torch.eye(C, dtype=torch.float64)
    layer = Layer(C, query=2, value="identity", layer_norm=False, scale=8.0, steps=1).double()
    with torch.no_grad():
        layer.to_key.weight.copy_(torch.eye(C))
        layer.seeds.copy_(x[[1, 4]] + 0.3)
    torch.testing.assert_close(layer(x).view(2, C), x[[1, 4]])
    retrieved = layer(x)
    for layer.steps in (2, 3, 10):  # a fixed point
        torch.testing.assert_close(layer(x), retrieved)


def test_distractors_change_little_where_their_score_is_low() -> None:
    """k distractors whose score is s below the least of the graph take at most k e^-s of the weight."""
    x, k, margin = torch.randn(20, C, dtype=torch.float64), 50, 12.0
    layer = Layer(C, query=1, value="identity", layer_norm=False, scale=1.0).double()
    with torch.no_grad():
        layer.to_key.weight.copy_(torch.eye(C))
        layer.seeds.copy_(torch.eye(C)[:1])
    noise = torch.zeros(1, C, dtype=torch.float64)
    noise[0, 0] = x[:, 0].min() - margin
    y, noisy = layer(x), layer(torch.cat([x, noise.expand(k, -1)]))
    assert (noisy - y).abs().max() <= k * math.exp(-margin) * 2 * torch.cat([x, noise]).abs().max()


def test_a_designated_node_travels_with_the_permutation_and_leading_dimensions() -> None:
    (x, index), layer = batch(), random(Layer(C, heads=2))
    y = layer(x, index, dim_size=SIZE, query_index=NODE)
    perm = torch.randperm(len(index))
    place = torch.where(NODE < 0, NODE, torch.argsort(perm)[NODE.clamp(min=0)])
    torch.testing.assert_close(layer(x[perm], index[perm], dim_size=SIZE, query_index=place), y)
    both = layer(torch.stack([x, 2 * x]), index, dim_size=SIZE, query_index=NODE)
    torch.testing.assert_close(both[0], y)
    torch.testing.assert_close(both[1], layer(2 * x, index, dim_size=SIZE, query_index=NODE))
    nothing = layer(x[:0], index[:0], dim_size=2, query_index=torch.tensor([-1, -1]))
    assert torch.equal(nothing, torch.zeros(2, C, dtype=x.dtype))


@pytest.mark.parametrize("query", [4, "mean"])
def test_large_graphs_in_order_give_what_they_give_in_any_order(query: Any) -> None:
    """In order they are read by matrix products, and their values are projected afterwards."""
    x, layer = (
        torch.randn(130, 16, dtype=torch.float64, requires_grad=True),
        Layer(16, query=query, heads=4, bias=True),
    )
    random(layer)
    index, perm = torch.repeat_interleave(torch.tensor([60, 0, 70])), torch.randperm(130)
    assert read_by_products(resolve(index, None, 3, 130), 4)
    y, expected = layer(x, index, dim_size=3), layer(x[perm], index[perm], dim_size=3)
    torch.testing.assert_close(y, expected, rtol=1e-9, atol=1e-10)
    weight, wanted = torch.randn_like(y), (x, *layer.parameters())
    for a, b in zip(*(torch.autograd.grad((v * weight).sum(), wanted) for v in (y, expected)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("query_index", "words"),
    [
        (torch.tensor([6, -1, 0, -1, 5]), r"query_index\[2\]=0 must be a node of that graph"),
        (torch.tensor([6, -1, 8, -1, 5]), r"query_index\[2\]=8 must be a node of that graph"),
        (torch.tensor([6, 2, 3, -1, 5]), r"query_index\[1\]=2 must be -1"),
        (torch.tensor([-1, -1, 3, -1, 5]), r"query_index\[0\]=-1 must be a node"),
        (torch.tensor([6, -1, 3]), r"query_index of shape \(3,\) must be \(5,\)"),
    ],
)
def test_a_node_of_another_graph_is_refused(query_index: Tensor, words: str) -> None:
    x, index = batch()
    with pytest.raises(ValueError, match=words):
        Layer(C).double()(x, index, dim_size=SIZE, query_index=query_index)
    with pytest.raises(ValueError, match="query_index must be None"):
        Layer(C, query=2).double()(x, index, dim_size=SIZE, query_index=NODE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"query": "sum"}, "query='sum'"),
        ({"query": True}, "query=True"),
        ({"query": 0}, "query=0 must be at least 1"),
        ({"heads": 4}, "heads=4 must divide channels=6"),
        ({"value": "mlp"}, "value='mlp'"),
        ({"power": 0.0}, "power=0.0"),
        ({"power": math.inf}, "power=inf"),
        ({"steps": -1}, "steps=-1"),
        ({"output": "relu"}, "output='relu'"),
        ({"scale": math.nan}, "scale=nan"),
        ({"eps": 0.0}, "eps=0.0"),
    ],
)
def test_bad_options_are_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Layer(C, **options)


def test_bad_inputs_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="channels=6"):
        Layer(C)(torch.rand(3, 5))
    with pytest.raises(ValueError, match="dim=1"):
        Layer(C)(torch.rand(6, 6), dim=1)
    with pytest.raises(TypeError, match=r"x is torch.float64; it must be torch.float32"):
        Layer(C)(torch.rand(3, 6).double())
