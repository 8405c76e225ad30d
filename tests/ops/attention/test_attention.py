"""Ragged attention against a loop over graphs, heads and nodes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import forward_ad

from gpool.ops.attention import ragged_attention
from gpool.ops.attention._buckets import EXACT, STEP, make_buckets
from gpool.ops.attention._operator import opaque_attention
from gpool.ops.checks import check_values

FORMS = {"buckets": {}, "sizes": {"sizes": True}, "band": {"max_size": True}}


def oracle(query: Tensor, key: Tensor, value: Tensor, index: Tensor, zero_token: bool = False) -> Tensor:
    out = torch.zeros_like(value)
    for i in range(query.size(0)):
        members = (index == index[i]).nonzero().flatten()
        for h in range(query.size(1)):
            score = key[members, h] @ query[i, h] / math.sqrt(query.size(2))
            weight = torch.cat([score, score.new_zeros(int(zero_token))]).exp()
            out[i, h] = (weight[: members.numel()] / weight.sum()) @ value[members, h]
    return out


def batch(sizes: list[int], shuffle: bool = True, heads: int = 2, width: int = 3, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    index = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes, dtype=torch.long))
    if shuffle:
        index = index[torch.randperm(index.numel(), generator=generator)]
    shape = (3, index.numel(), heads, width)
    q, k, v = torch.randn(shape, generator=generator, dtype=torch.float64).unbind(0)
    return q, k, v, index


def attend(form: str, q: Tensor, k: Tensor, v: Tensor, index: Tensor, sizes: list[int], **options) -> Tensor:
    extra = {"sizes": sizes, "max_size": max([*sizes, 1])}
    chosen = {name: extra[name] for name in FORMS[form]}
    return ragged_attention(q, k, v, index, len(sizes), **chosen, **options)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 11), max_size=6),
    shuffle=st.booleans(),
    zero_token=st.booleans(),
    seed=st.integers(0, 99),
)
def test_equals_the_loop(form: str, sizes: list[int], shuffle: bool, zero_token: bool, seed: int) -> None:
    q, k, v, index = batch(sizes, shuffle, seed=seed)
    y = attend(form, q, k, v, index, sizes, zero_token=zero_token)
    torch.testing.assert_close(y, oracle(q, k, v, index, zero_token), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("zero_token", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_large_and_small_graphs_together(form: str, zero_token: bool) -> None:
    sizes = [EXACT + 9, 3, 0, STEP, EXACT, 1, EXACT + 9, EXACT - 1]
    q, k, v, index = batch(sizes, heads=1)
    y = attend(form, q, k, v, index, sizes, zero_token=zero_token)
    torch.testing.assert_close(y, oracle(q, k, v, index, zero_token), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("zero_token", [False, True])
def test_gradients(form: str, zero_token: bool) -> None:
    sizes = [3, 0, 1, 9, 8]
    q, k, v, index = batch(sizes)
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    assert torch.autograd.gradcheck(
        lambda *x: attend(form, *x, index, sizes, zero_token=zero_token), leaves, fast_mode=True
    )
    upstream = torch.randn(q.shape, dtype=q.dtype)
    got = torch.autograd.grad(attend(form, *leaves, index, sizes, zero_token=zero_token), leaves, upstream)
    want = torch.autograd.grad(oracle(*leaves, index, zero_token), leaves, upstream)
    torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_other_graphs_do_not_reach_a_graph(form: str) -> None:
    """Bit for bit, whatever the others hold: NaN in the buckets, anything finite in the band."""
    sizes = [5, 7, 8, 140]
    q, k, v, index = batch(sizes)
    before = attend(form, q, k, v, index, sizes)
    other = index[:, None, None] == 1
    q, k, v = (torch.where(other, 1e3 if form == "band" else float("nan"), x) for x in (q, k, v))
    after = attend(form, q, k, v, index, sizes)
    assert torch.equal(before[index != 1], after[index != 1])


def test_padding_follows_from_a_graphs_own_size() -> None:
    def width(sizes: list[int], graph: int) -> tuple[int, bool]:
        return next((b.width, b.padded) for b in make_buckets(sizes, False) if graph in b.graphs)

    for n in (1, 7, 8, 9, EXACT, EXACT + 1, 3000):
        assert width([n], 0) == width([5, n, 8, 3000, 16, n + 1], 1)
        assert n <= width([n], 0)[0] < n + STEP
        assert width([n], 0)[1] == (width([n], 0)[0] > n)


def test_never_more_rows_than_the_graphs_need() -> None:
    sizes = [*range(1, 60), 3000]
    rows = sum(b.width * len(b.graphs) for b in make_buckets(sizes, False))
    assert rows <= sum(sizes) + STEP * len(sizes)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("options", [{}, {"max_size": 9}, {"zero_token": True}])
def test_compiles_without_a_break(options: dict, dropout: float) -> None:
    sizes = [3, 0, 1, 9, 8]
    q, k, v, index = batch(sizes)

    def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return ragged_attention(q, k, v, index, 5, dropout=dropout, **options)

    compiled = torch.compile(attention, backend="aot_eager", fullgraph=True)
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    y = compiled(*leaves)
    grads = torch.autograd.grad(y.sum(), leaves)
    assert all(g.isfinite().all() for g in grads)
    if dropout == 0:
        want = attention(*leaves)
        torch.testing.assert_close(y, want, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(grads, torch.autograd.grad(want.sum(), leaves), rtol=1e-10, atol=1e-12)


def test_the_opaque_operator_keeps_its_dropout_in_the_backward() -> None:
    """y is linear in v, so <dy/dv, v> = <y, 1> holds only if both drew the same weights."""
    sizes = [30, 40]
    q, k, v, index = batch(sizes)
    v = v.requires_grad_()
    compiled = torch.compile(
        lambda v: ragged_attention(q, k, v, index, 2, dropout=0.5), backend="aot_eager", fullgraph=True
    )
    y = compiled(v)
    (grad,) = torch.autograd.grad(y.sum(), v)
    torch.testing.assert_close((grad * v).sum(), y.sum())
    assert not torch.allclose(y, compiled(v))


def test_a_graph_beyond_max_size_is_refused_or_nan_where_values_are_not_checked() -> None:
    sizes = [4, 9, 2]
    q, k, v, index = batch(sizes)
    with pytest.raises(ValueError, match=r"max_size=5 .* is below the 9 nodes"):
        ragged_attention(q, k, v, index, 3, max_size=5)
    with check_values(False):
        y = ragged_attention(q, k, v, index, 3, max_size=5)
    assert y[index == 1].isnan().all()
    torch.testing.assert_close(y[index != 1], oracle(q, k, v, index)[index != 1])


def test_one_graph_without_an_index() -> None:
    q, k, v, _ = batch([6])
    torch.testing.assert_close(ragged_attention(q, k, v), oracle(q, k, v, torch.zeros(6, dtype=torch.long)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_extremes_stay_finite(dtype: torch.dtype) -> None:
    sizes = [3, 1, 9, 150]
    q, k, v, index = batch(sizes)
    q, k, v = (x.to(dtype) for x in (1e2 * q, 1e2 * k, v))
    assert ragged_attention(q, k, v, index, 4).isfinite().all()
    assert ragged_attention(q, k, v, index, 4).dtype == dtype


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index": torch.zeros(4, dtype=torch.long)}, r"index=\[4\] must be \[5\]"),
        ({"key": torch.zeros(5, 2, 4)}, r"key=\[5, 2, 4\]"),
        ({"query": torch.zeros(5, 6), "key": torch.zeros(5, 6), "value": torch.zeros(5, 6)}, "nodes, heads"),
        ({"sizes": [2, 2]}, "add up to 4, but query has 5 rows"),
        ({"sizes": [2, 3], "max_size": 3}, "give one of them"),
        ({"max_size": 0}, "max_size=0"),
        ({"sizes": [3, 2]}, r"sizes\[0\]=3 disagrees with index, where that graph has 2 nodes"),
        ({"sizes": [2, 4, -1]}, "an entry of sizes=-1 must not be negative"),
        ({"sizes": [5]}, r"index runs from 0 to 1; it must lie in 0 \.\. 0, where len\(sizes\)=1"),
        ({"sizes": [2, 3], "index": None}, r"sizes\[0\]=2 disagrees with index"),
        ({"dim_size": 1}, r"index runs from 0 to 1; it must lie in 0 \.\. 0"),
        ({"dim_size": 1, "max_size": 5}, r"index runs from 0 to 1; it must lie in 0 \.\. 0"),
        ({"index": torch.tensor([0, 0, 1, 1, -1])}, "index runs from -1 to 1"),
        ({"index": torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0])}, "index is torch.float32; it must hold integers"),
        ({"index": torch.tensor([False, False, True, True, True])}, "index is torch.bool"),
    ],
)
def test_bad_input(change: dict, message: str) -> None:
    x = torch.zeros(5, 2, 3)
    arguments = {"query": x, "key": x, "value": x, "index": torch.tensor([0, 0, 1, 1, 1]), **change}
    with pytest.raises((ValueError, IndexError, TypeError), match=message):
        ragged_attention(**arguments)


@pytest.mark.parametrize("form", FORMS)
def test_an_index_of_another_integer_type(form: str) -> None:
    q, k, v, index = batch([3, 0, 9, 2])
    found = [attend(form, q, k, v, i, [3, 0, 9, 2]) for i in (index, index.int(), index.to(torch.int8))]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("form", [*FORMS, "opaque"])
def test_forward_mode_is_refused(form: str) -> None:
    """The kernels have no rule for it and say so; never a tangent of zero."""
    sizes = [3, 1, 4]
    q, k, v, index = batch(sizes)

    def function(q: Tensor) -> Tensor:
        if form == "opaque":
            return opaque_attention(q, k, v, index, 3, 0.0, False)
        return attend(form, q, k, v, index, sizes)

    for transform in (_by_func, _by_dual):
        with pytest.raises(NotImplementedError, match="forward"):
            transform(function, q, torch.randn_like(q))


def _by_func(function: Callable[[Tensor], Tensor], x: Tensor, tangent: Tensor) -> Tensor:
    return torch.func.jvp(function, (x,), (tangent,))[1]


def _by_dual(function: Callable[[Tensor], Tensor], x: Tensor, tangent: Tensor) -> Tensor | None:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(function(forward_ad.make_dual(x, tangent))).tangent
