"""Sparse products with learned values against dense matrices, and their derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import gpool.ops.csr as csr
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
        monkeypatch.setattr(csr, "_has_kernel", lambda x: False)
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
    torch.testing.assert_close(csr._transposed(twice, values, x), blocks.t() @ x)


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
