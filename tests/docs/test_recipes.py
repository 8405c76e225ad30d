"""Every recipe of docs/recipes.md, run as printed, is its paper's equation as a loop over graphs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
Names = dict[str, Any]


def blocks() -> list[tuple[str, str]]:
    """The code of the page, each with the title it stands under."""
    found = []
    for section in re.split(r"^#+ ", PAGE, flags=re.MULTILINE)[1:]:
        title = section.split("\n", 1)[0]
        found += [(title, code) for code in re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)]
    return found


def by_graph(one: Callable[[Tensor], Tensor], names: Names) -> Tensor:
    """One graph after another, zeros for the empty one."""
    x, index = names["x"], names["index"]
    rows = [one(x[g == index]) if (g == index).any() else None for g in range(4)]
    return torch.stack([torch.zeros_like(rows[0]) if row is None else row for row in rows])


def normal(x: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
    x = x - x.mean(-1, keepdim=True)
    return x / (x.square().mean(-1, keepdim=True) + norm.eps).sqrt() * norm.weight + norm.bias


def read(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Multi-head attention of one query [C] over one graph."""
    parts = zip(*(t.chunk(heads, dim=-1) for t in (q, k, v)), strict=True)
    return torch.cat([(kh @ qh / math.sqrt(len(qh))).softmax(0) @ vh for qh, kh, vh in parts])


def soft_pool(names: Names) -> Tensor:
    return by_graph(lambda x: (x.exp() / x.exp().sum(0) * x).sum(0), names)


def att_sets(names: Names) -> Tensor:
    weight = names["att_sets"].gate_nn.weight
    return by_graph(lambda x: ((x @ weight.T).softmax(0) * x).sum(0), names)


def gated_attention(names: Names) -> Tensor:
    gate = names["gated_attention"].gate_nn

    def one(x: Tensor) -> Tensor:
        hidden = torch.tanh(x @ gate.tanh.weight.T + gate.tanh.bias)
        hidden = hidden * torch.sigmoid(x @ gate.gate.weight.T + gate.gate.bias)
        return (hidden @ gate.score.weight[0]).softmax(0) @ x

    return by_graph(one, names)


def sim_pool(names: Names) -> Tensor:
    layer = names["sim_pool"]

    def one(x: Tensor) -> Tensor:
        z, q = normal(x, layer.norm), layer.to_query.weight @ x.mean(0)
        alpha = (z @ layer.to_key.weight.T @ q / math.sqrt(len(q))).softmax(0)
        return (alpha @ (z - z.min()) ** 2).sqrt() + z.min()

    return by_graph(one, names)


def adaptive_pooling(names: Names, own: bool = False) -> Tensor:
    layer, x, index = names["adaptive_pooling"], names["x"], names["index"]

    def one(v: Tensor) -> Tensor:
        g = int(index[(x == v[0]).all(-1).nonzero()[0]])
        q = layer.to_query.weight @ (x[names["focus"][g]] if own else v.mean(0))
        k, u = v @ layer.to_key.weight.T, v @ layer.to_value.weight.T
        return layer.to_output.weight @ read(q, k, u, 2)

    return by_graph(one, names)


def pma(names: Names) -> Tensor:
    layer = names["pma"]

    def one(x: Tensor) -> Tensor:
        k, v = x @ layer.to_key.weight.T, layer.to_value(x)
        o = torch.stack([q + read(q, k, v, 2) for q in layer.seeds])
        return (o + layer.to_output(o).clamp(min=0)).flatten()

    return by_graph(one, names)


def hopfield_pooling(names: Names) -> Tensor:
    layer = names["hopfield_pooling"]

    def one(x: Tensor) -> Tensor:
        z = normal(x, layer.norm)
        k, v, xi = (
            z @ layer.to_key.weight.T,
            z @ layer.to_value.weight.T,
            normal(layer.seeds, layer.seed_norm),
        )
        for _ in range(2):
            xi = (0.8 * xi @ k.T).softmax(1) @ k
        return ((0.8 * xi @ k.T).softmax(1) @ v @ layer.to_output.weight.T).flatten()

    return by_graph(one, names)


EQUATIONS: dict[str, list[Callable[[Names], Tensor]]] = {
    "SoftPool": [soft_pool],
    "AttSets": [att_sets],
    "Gated attention": [gated_attention],
    "SimPool": [sim_pool],
    "Adaptive pooling": [adaptive_pooling, lambda names: adaptive_pooling(names, own=True)],
    "PMA": [pma],
    "Hopfield pooling": [hopfield_pooling],
}


def test_the_page_has_these_recipes() -> None:
    titles = [title for title, _ in blocks()]
    assert titles == ["Recipes", *(title for title, found in EQUATIONS.items() for _ in found)]


@pytest.mark.parametrize("title", EQUATIONS)
def test_a_recipe_is_its_papers_equation(title: str) -> None:
    names: Names = {}
    equations = iter(EQUATIONS[title])
    for under, code in blocks():
        if under not in ("Recipes", title):
            continue
        exec(compile(code, f"recipes.md, {under}", "exec"), names)
        if under == title:
            close = 1e-5 if title == "SimPool" else 1e-10  # eps of the layer is not in the equation
            torch.testing.assert_close(names["y"], next(equations)(names), rtol=close, atol=close)
    assert next(equations, None) is None


def test_limits_of_att_sets() -> None:
    """No weights give the mean, those of the identity SoftPool, and one node itself."""
    names: Names = {}
    for under, code in blocks():
        if under in ("Recipes", "SoftPool", "AttSets"):
            exec(compile(code, f"recipes.md, {under}", "exec"), names)
    layer, x, index = names["att_sets"], names["x"], names["index"]
    one = x[index == 3]
    torch.testing.assert_close(layer(one, torch.zeros(1, dtype=torch.long)), one)
    torch.nn.init.zeros_(layer.gate_nn.weight)
    torch.testing.assert_close(layer(x, index, dim_size=4), by_graph(lambda v: v.mean(0), names))
    torch.nn.init.eye_(layer.gate_nn.weight)
    torch.testing.assert_close(layer(x, index, dim_size=4), names["soft_pool"](x, index, dim_size=4))
