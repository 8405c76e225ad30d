"""Products with a sparse matrix whose pattern is fixed and whose values are learned.

Three functions, each differentiable any number of times because each other's derivatives are among them:

    csr_matmul   Y = A X                                   dA = sample(dY, X),   dX = A^T dY
    csr_sample   s_e = <left[row_e], right[col_e]>         d left = S right,     d right = S^T left
    csr_powers   X, A X, A^2 X, ..., A^K X                 one sample and K products backward

On a CPU in float32 and float64 they are one call of a compiled kernel each and keep nothing of size
[E, C]; elsewhere (other devices, other dtypes) they gather and scatter.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from gpool.ops.pattern import Pattern

__all__ = ["Pattern", "csr_matmul", "csr_powers", "csr_sample"]


with (
    warnings.catch_warnings()
):  # torch says once a process that CSR tensors are in beta; said here, to no one
    warnings.simplefilter("ignore", UserWarning)
    torch.sparse_csr_tensor([0, 1], [0], [1.0])


def _has_kernel(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)


def _rows(rowptr: Tensor, entries: int) -> Tensor:
    rows = torch.arange(rowptr.numel() - 1, device=rowptr.device)
    return torch.repeat_interleave(rows, rowptr.diff().long(), output_size=entries)


def _sparse(rowptr: Tensor, col: Tensor, value: Tensor, columns: int) -> Tensor:
    shape = (rowptr.numel() - 1, columns)
    return torch.sparse_csr_tensor(rowptr, col, value, shape, check_invariants=False)


def _product(rowptr: Tensor, col: Tensor, value: Tensor, dense: Tensor) -> Tensor:
    if _has_kernel(value) and value.numel() > 0:
        return _sparse(rowptr, col, value, dense.size(0)) @ dense.contiguous()
    message = value.unsqueeze(-1) * dense.index_select(0, col)
    out = message.new_zeros(rowptr.numel() - 1, dense.size(1))
    return out.index_add(0, _rows(rowptr, col.numel()), message)


@torch.library.custom_op("gpool::csr_matmul", mutates_args=())
def _matmul(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, dense: Tensor
) -> Tensor:
    return _product(rowptr, col, value, dense)


@torch.library.custom_op("gpool::csr_sample", mutates_args=())
def _sample(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, left: Tensor, right: Tensor
) -> Tensor:
    if _has_kernel(left) and col.numel() > 0:
        empty = _sparse(rowptr, col, left.new_zeros(col.numel()), right.size(0))
        product = torch.sparse.sampled_addmm(empty, left.contiguous(), right.contiguous().t(), beta=0.0)
        return product.values()
    return (left.index_select(0, _rows(rowptr, col.numel())) * right.index_select(0, col)).sum(-1)


@torch.library.custom_op("gpool::csr_powers", mutates_args=())
def _powers(
    rowptr: Tensor,
    col: Tensor,
    order: Tensor,
    colptr: Tensor,
    row: Tensor,
    value: Tensor,
    dense: Tensor,
    steps: int,
) -> Tensor:
    out = dense.new_empty(steps + 1, *dense.shape)
    out[0] = dense
    for k in range(steps):
        out[k + 1] = _product(rowptr, col, value, out[k])
    return out


@_matmul.register_fake
def _(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, dense: Tensor
) -> Tensor:
    return dense.new_empty(rowptr.numel() - 1, dense.size(1))


@_sample.register_fake
def _(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, left: Tensor, right: Tensor
) -> Tensor:
    return left.new_empty(col.numel())


@_powers.register_fake
def _(
    rowptr: Tensor,
    col: Tensor,
    order: Tensor,
    colptr: Tensor,
    row: Tensor,
    value: Tensor,
    dense: Tensor,
    steps: int,
) -> Tensor:
    return dense.new_empty(steps + 1, *dense.shape)


@torch.library.custom_op("gpool::csr_matmul_transposed", mutates_args=())
def _matmul_transposed(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, dense: Tensor
) -> Tensor:
    return _product(colptr, row, value.index_select(0, order), dense)


@torch.library.custom_op("gpool::csr_adjoints", mutates_args=())
def _adjoints(order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, grad: Tensor) -> Tensor:
    """H_K = G_K, H_k = G_k + A^T H_(k+1)."""
    flipped, out = value.index_select(0, order), grad.clone(memory_format=torch.contiguous_format)
    for k in range(grad.size(0) - 2, -1, -1):
        out[k] += _product(colptr, row, flipped, out[k + 1])
    return out


@_matmul_transposed.register_fake
def _(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, dense: Tensor
) -> Tensor:
    return dense.new_empty(colptr.numel() - 1, dense.size(1))


@_adjoints.register_fake
def _(order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, grad: Tensor) -> Tensor:
    return grad.new_empty(grad.shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:7])


def _keep_powers(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:6], output)


def _matmul_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    *fields, value, dense = ctx.saved_tensors
    pattern = Pattern(*fields)
    d_value = csr_sample(pattern, grad, dense) if ctx.needs_input_grad[5] else None
    d_dense = _transposed(pattern, value, grad) if ctx.needs_input_grad[6] else None
    return None, None, None, None, None, d_value, d_dense


def _matmul_transposed_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    *fields, value, dense = ctx.saved_tensors
    pattern = Pattern(*fields)
    d_value = csr_sample(pattern, dense, grad) if ctx.needs_input_grad[5] else None
    d_dense = csr_matmul(pattern, value, grad) if ctx.needs_input_grad[6] else None
    return None, None, None, None, None, d_value, d_dense


def _sample_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    *fields, left, right = ctx.saved_tensors
    pattern = Pattern(*fields)
    d_left = csr_matmul(pattern, grad, right) if ctx.needs_input_grad[5] else None
    d_right = _transposed(pattern, grad, left) if ctx.needs_input_grad[6] else None
    return None, None, None, None, None, d_left, d_right


def _powers_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    *fields, value, states = ctx.saved_tensors
    pattern = Pattern(*fields)
    if torch.is_grad_enabled():  # a second derivative will be asked for
        steps = [grad[-1]]
        for k in range(grad.size(0) - 2, -1, -1):
            steps.append(grad[k] + _transposed(pattern, value, steps[-1]))
        adjoints = torch.stack(steps[::-1])
    else:
        adjoints = _adjoints(pattern.order, pattern.colptr, pattern.row, value, grad)
    left, right = adjoints[1:].transpose(0, 1).flatten(1), states[:-1].transpose(0, 1).flatten(1)
    d_value = csr_sample(pattern, left, right) if ctx.needs_input_grad[5] else None
    return None, None, None, None, None, d_value, adjoints[0], None


_matmul.register_autograd(_matmul_backward, setup_context=_keep)
_matmul_transposed.register_autograd(_matmul_transposed_backward, setup_context=_keep)
_sample.register_autograd(_sample_backward, setup_context=_keep)
_powers.register_autograd(_powers_backward, setup_context=_keep_powers)


def _transposed(pattern: Pattern, value: Tensor, dense: Tensor) -> Tensor:
    return _matmul_transposed(
        pattern.rowptr, pattern.col, pattern.order, pattern.colptr, pattern.row, value, dense
    )


def csr_matmul(pattern: Pattern, value: Tensor, dense: Tensor) -> Tensor:
    """A X for A with ``value`` [E] at the pattern's entries and ``dense`` X [M, C]: [M, C]."""
    return _matmul(pattern.rowptr, pattern.col, pattern.order, pattern.colptr, pattern.row, value, dense)


def csr_sample(pattern: Pattern, left: Tensor, right: Tensor) -> Tensor:
    """<left[row], right[col]> at every entry: two [M, C] -> [E]."""
    return _sample(pattern.rowptr, pattern.col, pattern.order, pattern.colptr, pattern.row, left, right)


def csr_powers(pattern: Pattern, value: Tensor, dense: Tensor, steps: int) -> Tensor:
    """X, A X, ..., A^steps X for ``dense`` X [M, C]: [steps + 1, M, C]."""
    return _powers(
        pattern.rowptr, pattern.col, pattern.order, pattern.colptr, pattern.row, value, dense, steps
    )
