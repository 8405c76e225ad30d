"""Segment operations against a loop over segments: values, gradients, second gradients, empty batches."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import gpool
from gpool.ops import blocks, segment
from gpool.ops.segment import (
    Magnitude,
    segment_attend,
    segment_broadcast,
    segment_count,
    segment_logsumexp,
    segment_max,
    segment_mean,
    segment_min,
    segment_norm,
    segment_softmax,
    segment_sum,
)

REDUCE: dict[str, tuple[Callable[..., Tensor], Callable[[Tensor], Tensor]]] = {
    "sum": (segment_sum, lambda v: v.sum(0)),
    "mean": (segment_mean, lambda v: v.mean(0)),
    "max": (segment_max, lambda v: v.amax(0)),
    "min": (segment_min, lambda v: v.amin(0)),
    "logsumexp": (segment_logsumexp, lambda v: v.logsumexp(0)),
    "norm": (
        lambda x, *a, **k: segment_norm(x, 1.7, 0.3, *a, magnitude=Magnitude("abs", 0.1), **k),
        lambda v: len(v) ** -0.3 * ((v.abs() + 0.1) ** 1.7).sum(0) ** (1 / 1.7),
    ),
    "minus norm": (
        lambda x, *a, **k: segment_norm(x, -2.0, 0.3, *a, magnitude=Magnitude("relu", 0.1, "clamp"), **k),
        lambda v: len(v) ** -0.3 * (v.clamp(min=0.1) ** -2.0).sum(0) ** -0.5,
    ),
}  # fmt: skip


def loop(x: Tensor, index: Tensor, size: int, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """One segment at a time; an empty one is zero."""
    if size == 0:
        return x.new_zeros(0, *x.shape[1:])
    return torch.stack(
        [reduce(x[index == s]) if (index == s).any() else x.new_zeros(x.shape[1:]) for s in range(size)]
    )


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, int]:
    """Entries with ties, an index in any order, empty segments, no entries at all."""
    size, n = draw(st.integers(1, 6)), draw(st.integers(0, 25))
    random = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    x = torch.randn(n, draw(st.integers(1, 4)), generator=random, dtype=torch.float64)
    if draw(st.booleans()):
        x = (x * 2).round() / 2  # ties
    index = torch.randint(size, (n,), generator=random)
    return x, index.sort().values if draw(st.booleans()) else index, size


@pytest.mark.parametrize("name", REDUCE)
@pytest.mark.parametrize("block", [1 << 16, 8])
@settings(max_examples=25, deadline=None)
@given(batch=batches())
def test_reductions_equal_the_loop(name: str, block: int, batch: tuple[Tensor, Tensor, int]) -> None:
    function, reduce = REDUCE[name]
    x, index, size = batch
    with pytest.MonkeyPatch.context() as patch:  # small blocks cut segments into many pieces
        patch.setattr(blocks, "BLOCK", block)
        values = x.clone().requires_grad_()
        expected = loop(values, index, size, reduce)
        y = function(values, index, dim_size=size)
        torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-12)
        if len(x):
            weight = torch.randn_like(y)
            (grad,) = torch.autograd.grad((y * weight).sum(), values)
            (wanted,) = torch.autograd.grad((expected * weight).sum(), values)
            torch.testing.assert_close(grad, wanted, rtol=1e-9, atol=1e-11)  # amax shares among ties as we do
        if (index.diff() >= 0).all():
            ptr = torch.cat([index.new_zeros(1), torch.bincount(index, minlength=size).cumsum(0)])
            torch.testing.assert_close(function(x, ptr=ptr), expected, rtol=1e-11, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(batch=batches())
def test_softmax_equals_the_loop(batch: tuple[Tensor, Tensor, int]) -> None:
    x, index, size = batch
    values, again = (x.clone().requires_grad_() for _ in range(2))
    y = segment_softmax(values, index, dim_size=size)
    expected = again * 0
    for s in index.unique().tolist():
        own = index == s
        expected = expected.index_put((own.nonzero().squeeze(1),), again[own].softmax(0))
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-13)
    if len(x):
        weight = torch.randn_like(y)
        (grad,), (wanted,) = (
            torch.autograd.grad((v * weight).sum(), at) for v, at in ((y, values), (expected, again))
        )
        torch.testing.assert_close(grad, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", [*REDUCE, "softmax"])
def test_first_and_second_gradients(name: str) -> None:
    function = segment_softmax if name == "softmax" else REDUCE[name][0]
    x = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([0, 3, 0, 1, 3, 3, 0])
    assert torch.autograd.gradcheck(lambda v: function(v, index, dim_size=5), x)
    assert torch.autograd.gradgradcheck(lambda v: function(v, index, dim_size=5), x)


def test_first_and_second_gradients_of_the_exponents_of_a_norm() -> None:
    x = (torch.rand(7, 2, dtype=torch.float64) + 0.1).requires_grad_()
    p = torch.tensor([1.5, -2.0], dtype=torch.float64, requires_grad=True)  # orders of both signs
    q = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([0, 3, 0, 1, 3, 3, 0])

    def norm(*v: Tensor) -> Tensor:
        return segment_norm(*v, index, dim_size=5)

    assert torch.autograd.gradcheck(norm, (x, p, q))
    assert torch.autograd.gradgradcheck(norm, (x, p, q))


@pytest.mark.parametrize("name", [*REDUCE, "softmax"])
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_any_dimension(name: str, dim: int) -> None:
    function = segment_softmax if name == "softmax" else REDUCE[name][0]
    x, index = torch.randn(4, 4, 4), torch.tensor([2, 0, 2, 0])
    y = function(x, index, dim_size=3, dim=dim)
    expected = function(x.movedim(dim, 0).reshape(4, 16), index, dim_size=3)
    torch.testing.assert_close(y, expected.view(-1, 4, 4).movedim(0, dim))
    if dim == 0:
        torch.testing.assert_close(function(x[:, 0, 0], index, dim_size=3), y[:, 0, 0])


@pytest.mark.parametrize("name", [*REDUCE, "softmax"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_accumulate_in_float32(name: str, dtype: torch.dtype) -> None:
    function = segment_softmax if name == "softmax" else REDUCE[name][0]
    x, index = (torch.rand(3000, 2) + 0.5).to(dtype), torch.zeros(3000, dtype=torch.long)
    y = function(x, index, dim_size=1)
    assert y.dtype == dtype
    torch.testing.assert_close(y, function(x.float(), index, dim_size=1).to(dtype), rtol=1e-2, atol=0)


@pytest.mark.parametrize("name", [*REDUCE, "softmax"])
def test_compiled_is_the_same_and_one_graph(name: str) -> None:
    function = segment_softmax if name == "softmax" else REDUCE[name][0]
    x = torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([0, 3, 0, 1, 3, 3, 0, 1, 1])
    torch.compiler.reset()
    compiled = torch.compile(lambda v: function(v, index, dim_size=5), backend="aot_eager", fullgraph=True)
    y, expected = compiled(x), function(x, index, dim_size=5)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-12)
    (grad,), (wanted,) = (torch.autograd.grad(v.square().sum(), x) for v in (y, expected))
    torch.testing.assert_close(grad, wanted, rtol=1e-10, atol=1e-11)


def test_ties_share_the_gradient_of_the_maximum_equally() -> None:
    x = torch.tensor([[2.0], [2.0], [1.0], [2.0]], requires_grad=True)
    segment_max(x, torch.tensor([0, 0, 0, 1]), dim_size=2).sum().backward()
    assert x.grad.flatten().tolist() == [0.5, 0.5, 0.0, 1.0]


def test_infinities_stay_out_of_softmax_and_logsumexp() -> None:
    x = torch.tensor([-torch.inf, -torch.inf, 1e4, -1e4, -torch.inf], requires_grad=True)
    index = torch.tensor([0, 0, 1, 1, 2])
    weight = segment_softmax(x, index, dim_size=4)
    assert weight.tolist() == [0, 0, 1, 0, 0]
    y = segment_logsumexp(x, index, dim_size=4)
    assert y.tolist() == [-torch.inf, 1e4, -torch.inf, 0]
    (weight.sum() + y[1]).backward()
    assert x.grad.isfinite().all()


def test_norm_keeps_six_digits_where_quotients_leave_float32() -> None:
    x = torch.tensor([[1e30, 1e-30], [1e-30, 3e-30], [5e29, 1e10]])
    index = torch.zeros(3, dtype=torch.long)
    for p in (0.5, 1.0, 3.0, 100.0, -0.5, -1.0, -100.0):
        y = segment_norm(x, p, 0.0, index, dim_size=1).double()
        top = (x.double() ** 1).amax(0) if p > 0 else x.double().amin(0)
        expected = top * ((x.double() / top) ** p).sum(0) ** (1 / p)
        assert ((y - expected) / expected).abs().max() < 1e-6, p


def test_exact_zeros_of_a_norm_are_zero_with_zero_gradient() -> None:
    index = torch.tensor([0, 0, 1, 1])
    for p in (0.5, 1.0, 2.0, -1.0):
        x = torch.tensor([[0.0], [0.0], [0.0], [2.0]], requires_grad=True)
        order = torch.tensor(p, requires_grad=True)
        y = segment_norm(x, order, 0.0, index, dim_size=2)
        y.sum().backward()
        assert y.flatten().tolist() == pytest.approx([0.0, 2.0 if p > 0 else 0.0])
        assert x.grad.flatten().tolist() == pytest.approx([0.0, 0.0, 0.0, 1.0 if p > 0 else 0.0])
        assert order.grad.isfinite()


def test_counts_and_broadcast() -> None:
    index, ptr = torch.tensor([2, 0, 2]), torch.tensor([0, 1, 1, 3])
    assert segment_count(index, dim_size=4).tolist() == [1, 0, 2, 0]
    assert segment_count(ptr=ptr).tolist() == [1, 0, 2]
    y = torch.tensor([[1.0], [2.0], [3.0]])
    assert segment_broadcast(y, index).flatten().tolist() == [3, 1, 3]
    assert segment_broadcast(y, ptr=ptr).flatten().tolist() == [1, 3, 3]
    assert segment_sum(torch.ones(3, 2)).tolist() == [[3.0, 3.0]]  # neither index nor ptr: one segment


def test_attend_equals_the_loop_in_value_and_gradients() -> None:
    index = torch.tensor([3, 0, 3, 1, 0, 0, 3])
    score = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    value = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    y = segment_attend(score, value, index, dim_size=5)
    rows = [(score[index == s].softmax(0).t() @ value[index == s]) for s in range(5)]
    expected = torch.stack(rows)  # an empty one is a product of nothing: zero
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(segment_attend(score[:, 0], value, index, dim_size=5), expected[:, 0])
    assert torch.autograd.gradcheck(lambda s, v: segment_attend(s, v, index, dim_size=5), (score, value))
    assert torch.autograd.gradgradcheck(lambda s, v: segment_attend(s, v, index, dim_size=5), (score, value))
    torch.compiler.reset()
    compiled = torch.compile(
        lambda s, v: segment_attend(s, v, index, dim_size=5), backend="aot_eager", fullgraph=True
    )
    torch.testing.assert_close(compiled(score, value), expected, rtol=1e-11, atol=1e-13)


def test_mistakes_are_named() -> None:
    x, index = torch.rand(3, 2), torch.tensor([0, 1, 1])
    with pytest.raises(ValueError, match=r"index of shape \(2,\) must be \(3,\)"):
        segment_sum(x, index[:2], dim_size=2)
    with pytest.raises(ValueError, match="dim_size=4 must be 2"):
        segment_sum(x, ptr=torch.tensor([0, 1, 3]), dim_size=4)
    with pytest.raises(IndexError, match="dim_size=1"):
        segment_norm(x, 1.0, 0.0, index, dim_size=1)
    with pytest.raises(ValueError, match="score"):
        segment_attend(torch.rand(4, 2), x, index, dim_size=2)
    with pytest.raises(ValueError, match="index=None and ptr=None"):
        segment_broadcast(x)


def test_every_segment_operation_of_a_module_is_exported() -> None:
    parts = [import_module(m.name) for m in iter_modules(segment.__path__, "gpool.ops.segment.")]
    public = [(part, name) for part in parts for name in part.__all__ if name.startswith("segment_")]
    assert len(public) >= 10
    for part, name in public:
        assert getattr(segment, name) is getattr(part, name)
    assert {name for _, name in public} <= set(segment.__all__)


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_logsumexp_at_a_temperature(shape: tuple[int, ...]) -> None:
    index = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty
    x = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    tau = (torch.rand(shape, dtype=torch.float64) + 0.2).requires_grad_()
    y = segment_logsumexp(x, index, dim_size=5, tau=tau)
    for s in range(5):
        rows = x[index == s]
        expected = tau * (rows / tau).logsumexp(0) if len(rows) else torch.zeros(3, dtype=torch.float64)
        torch.testing.assert_close(y[s], expected, rtol=1e-12, atol=1e-12)

    def function(x: Tensor, tau: Tensor) -> Tensor:
        return segment_logsumexp(x, index, dim_size=5, tau=tau)

    assert torch.autograd.gradcheck(function, (x, tau))
    assert torch.autograd.gradgradcheck(function, (x, tau))


def test_logsumexp_at_a_learned_temperature_beside_infinities() -> None:
    x = torch.tensor([[-torch.inf], [1.0], [2.0]], requires_grad=True)
    tau = torch.tensor(0.5, requires_grad=True)
    y = segment_logsumexp(x, torch.tensor([0, 0, 0]), dim_size=1, tau=tau)
    by_x, by_tau = torch.autograd.grad(y.sum(), (x, tau))
    finite = torch.tensor([[1.0], [2.0]], requires_grad=True)
    expected = torch.autograd.grad((tau * (finite / tau).logsumexp(0)).sum(), (finite, tau))
    torch.testing.assert_close(by_x[1:], expected[0])
    torch.testing.assert_close(by_tau, expected[1])
    assert by_x[0] == 0


def test_smallest_of_unsigned_numbers() -> None:
    x = torch.tensor([[3], [0], [200]], dtype=torch.uint8)
    assert segment_min(x, torch.tensor([0, 0, 1]), dim_size=3).flatten().tolist() == [0, 200, 0]


def test_the_weights_of_logsumexp_do_not_take_up_the_rounding_of_its_value() -> None:
    x = torch.tensor([[1e5], [1e5 + 0.01], [1e5 - 0.02]], requires_grad=True)
    (grad,) = torch.autograd.grad(segment_logsumexp(x, tau=0.01).sum(), x)
    expected = (x.detach().double() / 0.01).softmax(0).float()
    torch.testing.assert_close(grad, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_learned_temperature_beside_minus_infinity(create_graph: bool) -> None:
    x, tau = torch.tensor([[1.0], [-torch.inf]]), torch.tensor(0.5, requires_grad=True)
    (grad,) = torch.autograd.grad(segment_logsumexp(x, tau=tau).sum(), tau, create_graph=create_graph)
    assert grad.item() == 0


def test_logsumexp_of_plus_infinity() -> None:
    x = torch.tensor([[torch.inf], [1.0], [2.0]])
    y = segment_logsumexp(x, torch.tensor([0, 0, 1]), dim_size=2)
    assert y.flatten().tolist() == [torch.inf, 2.0]


@pytest.mark.parametrize("branch", ["+", "-"])
def test_the_orders_gradient_is_finite_at_the_ends_of_float32(branch: str) -> None:
    layer = gpool.GNP(1, p=1.0, branch=branch, eps=1e-7)
    y = layer(torch.tensor([[0.0], [1e33], [3e38]]))
    y.backward()
    assert y.isfinite().all()
    assert layer.raw_p.grad.isfinite().all()


def test_a_cut_segment_is_joined_as_exactly_as_its_pieces() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60_000, 16, generator=generator) + 0.01
    y = segment_norm(x, 0.12, 1 / 0.12)
    expected = segment_norm(x.double(), 0.12, 1 / 0.12)
    assert ((y.double() - expected) / expected).abs().max() < 1e-6


def test_ties_are_counted_beyond_half_precision() -> None:
    x = torch.zeros(70_000, 1, dtype=torch.float16, requires_grad=True)
    segment_max(x).sum().backward()
    assert x.grad.sum(dtype=torch.float64).item() == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("ptr", [[2, 4, 6], [0, 2], [0, 2, 9], []])
def test_a_ptr_that_does_not_fit_is_refused(ptr: list[int]) -> None:
    for function in (segment_sum, segment_max, segment_softmax, segment_logsumexp):
        with pytest.raises(ValueError, match="must rise from 0 to 8"):
            function(torch.ones(8, 1), ptr=torch.tensor(ptr, dtype=torch.long))
    with pytest.raises(ValueError, match="must rise from 0 to 8"):
        segment_norm(torch.ones(8, 1), 1.0, 0.0, ptr=torch.tensor(ptr, dtype=torch.long))


@pytest.mark.parametrize("p", [0.0, float("inf"), -float("inf")])
def test_orders_that_are_none_are_refused(p: float) -> None:
    with pytest.raises(ValueError, match="must be finite and not 0"):
        segment_norm(torch.ones(2, 1), p, 0.0)
    with pytest.raises(ValueError, match="tau=-1"):
        segment_logsumexp(torch.ones(2, 1), tau=-1.0)


def test_unknown_magnitudes_are_refused() -> None:
    for wrong in (Magnitude("Abs"), Magnitude("abs", 0.1, "ADD")):
        with pytest.raises(ValueError, match=r"must be ('none', )?'a"):
            segment_norm(torch.ones(2, 1), 1.0, 0.0, magnitude=wrong)


def test_an_index_of_int32() -> None:
    x, index = torch.randn(6, 2), torch.tensor([0, 1, 0, 1, 3, 3])
    for function in (segment_sum, segment_mean, segment_max, segment_logsumexp, segment_softmax):
        expected = function(x, index, dim_size=4)
        torch.testing.assert_close(function(x, index.int(), dim_size=4), expected)
    norm = segment_norm(x.abs(), 2.0, 0.0, index.int(), dim_size=4)
    torch.testing.assert_close(norm, segment_norm(x.abs(), 2.0, 0.0, index, dim_size=4))


def test_an_index_and_a_ptr_that_disagree_are_refused() -> None:
    x, ptr = torch.rand(4, 1), torch.tensor([0, 2, 4])
    for function in (segment_sum, segment_max, lambda x, *a: segment_norm(x, 1.0, 0.0, *a)):
        assert torch.equal(function(x, torch.tensor([0, 0, 1, 1]), ptr), function(x, None, ptr))
        with pytest.raises(ValueError, match="index and ptr disagree"):
            function(x, torch.tensor([0, 1, 0, 1]), ptr)


def test_a_large_order_in_half_precision() -> None:
    x = torch.rand(64, 3).half()
    half, full = gpool.GNP(3, p=300.0).half(), gpool.GNP(3, p=300.0)
    half(x).sum().backward()
    full(x.float()).sum().backward()
    torch.testing.assert_close(half.raw_p.grad.float(), full.raw_p.grad, rtol=0.1, atol=1e-6)
