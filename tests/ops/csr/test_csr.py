"""Sparse products with learned values against dense matrices, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

import gpool.ops.csr._operators as ops
from gpool.ops.csr import Pattern, csr_matmul, csr_powers, csr_sample


def pattern(edges: Tensor, size: int) -> Pattern:
    """Rows edges[0], sorted, columns edges[1]."""
    row, col = edges
    order = col.argsort(stable=True)

    def pointer(index: Tensor) -> Tensor:
        return torch.nn.functional.pad(torch.bincount(index, minlength=size).cumsum(0), (1, 0))

    return Pattern(pointer(row), col, order, pointer(col), row[order])


def case(size: int = 5, entries: int = 9) -> tuple[Tensor, Pattern, Tensor]:
    edges = torch.randint(0, size, (2, entries))
    edges = edges[:, edges[0].argsort(stable=True)]  # some entries in the same place, some rows empty
    return edges, pattern(edges, size), torch.randn(entries, dtype=torch.double)


def dense(edges: Tensor, value: Tensor, size: int) -> Tensor:
    return torch.zeros(size, size, dtype=value.dtype).index_put(tuple(edges), value, accumulate=True)


@pytest.fixture(params=["kernel", "plain"])
def form(request, monkeypatch) -> str:
    """Both ways to compute: compiled kernels, and gather and scatter as on other devices."""
    if request.param == "plain":
        monkeypatch.setattr(ops, "_has_kernel", lambda x: False)
    return request.param


def test_values(form: str) -> None:
    edges, p, value = case()
    x, y = torch.randn(5, 3, dtype=torch.double), torch.randn(5, 3, dtype=torch.double)
    a = dense(edges, value, 5)
    torch.testing.assert_close(csr_matmul(p, value, x), a @ x)
    torch.testing.assert_close(csr_sample(p, x, y), (x @ y.t())[tuple(edges)])
    powers = csr_powers(p, value, x, 3)
    torch.testing.assert_close(powers, torch.stack([x, a @ x, a @ a @ x, a @ a @ a @ x]))


def test_gradients(form: str) -> None:
    _, p, value = case()
    x = torch.randn(5, 2, dtype=torch.double, requires_grad=True)
    y = torch.randn(5, 2, dtype=torch.double, requires_grad=True)
    value.requires_grad_()
    for function, inputs in (
        (lambda v, d: csr_matmul(p, v, d), (value, x)),
        (lambda a, b: csr_sample(p, a, b), (x, y)),
        (lambda v, d: csr_powers(p, v, d, 3), (value, x)),
    ):
        assert torch.autograd.gradcheck(function, inputs)
        assert torch.autograd.gradgradcheck(function, inputs)


def test_copies_stand_along_a_diagonal(form: str) -> None:
    edges, p, value = case()
    twice, values = p.copies(2), torch.cat([value, 2 * value])
    x = torch.randn(10, 3, dtype=torch.double)
    blocks = torch.block_diag(dense(edges, value, 5), dense(edges, 2 * value, 5))
    torch.testing.assert_close(csr_matmul(twice, values, x), blocks @ x)
    torch.testing.assert_close(ops.transposed(twice, values, x), blocks.t() @ x)


def test_no_entries(form: str) -> None:
    p = pattern(torch.zeros(2, 0, dtype=torch.long), 3)
    x, value = torch.ones(3, 2, requires_grad=True), torch.zeros(0, requires_grad=True)
    csr_powers(p, value, x, 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 1.0]] * 3
    assert csr_sample(p, x, x).shape == (0,)


def test_compiles_without_a_break() -> None:
    _, p, value = case()
    x = torch.randn(5, 2, dtype=torch.double)

    def function(v: Tensor, d: Tensor) -> Tensor:
        return csr_powers(p, v, d, 2).sum() + csr_sample(p, d, d).sum() + csr_matmul(p, v, d).sum()

    torch.testing.assert_close(
        torch.compile(function, backend="aot_eager", fullgraph=True)(value, x), function(value, x)
    )


def test_more_parallel_entries_than_places(form: str) -> None:
    edges = torch.tensor([[0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
    p = pattern(edges, 2)
    x = torch.randn(2, 3, dtype=torch.double, requires_grad=True)
    y = torch.randn(2, 3, dtype=torch.double, requires_grad=True)
    torch.testing.assert_close(csr_sample(p, x, y), (x @ y.t())[tuple(edges)])
    assert torch.autograd.gradcheck(lambda a, b: csr_sample(p, a, b), (x, y))


def test_values_without_strides_of_their_own() -> None:
    edges, p, _ = case()
    x, one = torch.randn(5, 3, dtype=torch.double), torch.ones((), dtype=torch.double)
    full = dense(edges, torch.ones(9, dtype=torch.double), 5)
    torch.testing.assert_close(csr_matmul(p, one.expand(9), x), full @ x)
    torch.testing.assert_close(csr_matmul(p, one.expand(9), x.t().contiguous().t()), full @ x)
    apart = torch.stack([p.col, p.col], 1)[:, 0]
    torch.testing.assert_close(csr_matmul(replace(p, col=apart), one.expand(9), x), full @ x)


def functions(p: Pattern, value: Tensor, x: Tensor) -> list[tuple[Callable[..., Tensor], tuple[Tensor, ...]]]:
    return [
        (lambda v, d: csr_matmul(p, v, d), (value, x)),
        (lambda a, b: csr_sample(p, a, b), (x, x + 1)),
        (lambda v, d: csr_powers(p, v, d, 3), (value, x)),
    ]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_forward_mode(form: str, which: int) -> None:
    """Tangents, by both of torch's ways, against differences; and forward over reverse."""
    _, p, value = case()
    function, inputs = functions(p, value, torch.randn(5, 2, dtype=torch.double))[which]
    tangents = tuple(torch.randn_like(v) for v in inputs)
    step = 1e-6
    ahead = function(*(v + step * t for v, t in zip(inputs, tangents, strict=True)))
    back = function(*(v - step * t for v, t in zip(inputs, tangents, strict=True)))
    right = (ahead - back) / (2 * step)
    assert right.abs().max() > 0.1
    torch.testing.assert_close(torch.func.jvp(function, inputs, tangents)[1], right, rtol=1e-6, atol=1e-7)
    with forward_ad.dual_level():
        dual = [forward_ad.make_dual(v, t) for v, t in zip(inputs, tangents, strict=True)]
        found = forward_ad.unpack_dual(function(*dual)).tangent
        torch.testing.assert_close(found, right, rtol=1e-6, atol=1e-7)
        one = forward_ad.unpack_dual(function(dual[0], inputs[1])).tangent
        two = forward_ad.unpack_dual(function(inputs[0], dual[1])).tangent
        torch.testing.assert_close(one + two, right, rtol=1e-6, atol=1e-7)

    def total(*v: Tensor) -> Tensor:
        return function(*v).square().sum()

    for argnum in (0, 1):
        by_hand = torch.autograd.functional.hessian(total, inputs)[argnum][argnum]
        torch.testing.assert_close(torch.func.hessian(total, argnum)(*inputs), by_hand)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_tangent_that_enters_backward(form: str, which: int) -> None:
    """The backward is linear in what arrives, so its tangent is the backward of the tangent."""
    _, p, value = case()
    function, inputs = functions(p, value, torch.randn(5, 2, dtype=torch.double))[which]
    inputs = tuple(v.detach().requires_grad_() for v in inputs)
    out = function(*inputs)
    grad, tangent = torch.randn_like(out), torch.randn_like(out)
    right = torch.autograd.grad(out, inputs, tangent, retain_graph=True)
    with forward_ad.dual_level():
        found = torch.autograd.grad(out, inputs, forward_ad.make_dual(grad, tangent))
        for a, b in zip(found, right, strict=True):
            torch.testing.assert_close(forward_ad.unpack_dual(a).tangent, b)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_transforms_of_torch_func(form: str, which: int) -> None:
    _, p, value = case()
    function, inputs = functions(p, value, torch.randn(5, 2, dtype=torch.double))[which]
    many = tuple(torch.stack([v, 2 * v]) for v in inputs)
    each = torch.stack([function(*(v[k] for v in many)) for k in (0, 1)])
    torch.testing.assert_close(torch.func.vmap(function)(*many), each)
    leaves = [v.clone().requires_grad_() for v in inputs]
    by_tape = torch.autograd.grad(function(*leaves).square().sum(), leaves)
    found = torch.func.grad(lambda *v: function(*v).square().sum(), (0, 1))(*inputs)
    for a, b in zip(found, by_tape, strict=True):
        torch.testing.assert_close(a, b)


def test_forward_mode_inside_of_a_compiled_function() -> None:
    _, p, value = case()
    x = torch.randn(5, 2, dtype=torch.double)

    def tangent(v: Tensor) -> Tensor:
        return torch.func.jvp(lambda w: csr_powers(p, w, x, 2), (v,), (torch.ones_like(v),))[1]

    torch.testing.assert_close(torch.compile(tangent, backend="aot_eager")(value), tangent(value))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_are_computed_in_float32(form: str, dtype: torch.dtype) -> None:
    _, p, value = case()
    value, x = value.to(dtype), torch.randn(5, 3).to(dtype)
    for function, inputs in functions(p, value, x):
        leaves = [v.clone().requires_grad_() for v in inputs]
        wide = [v.float().requires_grad_() for v in inputs]
        out, right = function(*leaves), function(*wide)
        assert out.dtype == dtype
        assert torch.equal(out, right.to(dtype))
        out.float().square().sum().backward()
        right.to(dtype).float().square().sum().backward()
        for a, b in zip(leaves, wide, strict=True):
            assert torch.equal(a.grad, b.grad.to(dtype))


def test_autocast_is_off_inside() -> None:
    _, p, value = case()
    value, x = value.float(), torch.randn(5, 3)
    for function, inputs in functions(p, value, x):
        leaves = [v.clone().requires_grad_() for v in inputs]
        right = function(*leaves)
        grads = torch.autograd.grad(right.sum(), leaves)
        with torch.autocast("cpu", torch.bfloat16):
            found = function(*leaves)
            inside = torch.autograd.grad(found.sum(), leaves)
            assert function(*(v.bfloat16() for v in inputs)).dtype == torch.bfloat16
        assert torch.equal(found, right)
        assert all(torch.equal(a, b) for a, b in zip(inside, grads, strict=True))
