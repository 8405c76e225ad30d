"""The operators of sparse products: compiled kernels where there are any, and their rules of derivation."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from gpool.ops.csr._plain import plain_matmul, plain_powers, plain_sample
from gpool.ops.csr.pattern import Pattern
from gpool.ops.transforms import transformed

__all__ = ["powers", "product", "sampled", "transposed"]


with warnings.catch_warnings():  # torch says once per process that CSR tensors are in beta; here unheard
    warnings.simplefilter("ignore", UserWarning)
    torch.sparse_csr_tensor([0, 1], [0], [1.0])


def _has_kernel(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)


def _sparse(rowptr: Tensor, col: Tensor, value: Tensor, columns: int) -> Tensor:
    shape = (rowptr.numel() - 1, columns)
    rowptr, col, value = rowptr.contiguous(), col.contiguous(), value.contiguous()  # kernels take no strides
    return torch.sparse_csr_tensor(rowptr, col, value, shape, check_invariants=False)


def _multiply(rowptr: Tensor, col: Tensor, value: Tensor, dense: Tensor) -> Tensor:
    if _has_kernel(value) and value.numel() > 0:
        out = dense.new_zeros(rowptr.numel() - 1, dense.size(1))
        return _add_product(out, rowptr, col, value, dense)
    return plain_matmul(rowptr, col, value, dense)


def _add_product(out: Tensor, rowptr: Tensor, col: Tensor, value: Tensor, dense: Tensor) -> Tensor:
    """out += A X in place, where the product by itself would be made, zeroed and copied."""
    if _has_kernel(value) and value.numel() > 0:
        return out.addmm_(_sparse(rowptr, col, value, dense.size(0)), dense.contiguous())
    return out.add_(plain_matmul(rowptr, col, value, dense))


@torch.library.custom_op("gpool::csr_matmul", mutates_args=())
def _matmul(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, dense: Tensor
) -> Tensor:
    return _multiply(rowptr, col, value, dense)


@torch.library.custom_op("gpool::csr_sample", mutates_args=())
def _sample(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, left: Tensor, right: Tensor
) -> Tensor:
    places = left.size(0) * right.size(0)  # the kernel takes no more entries; parallel ones can be more
    if _has_kernel(left) and 0 < col.numel() <= places:
        empty = _sparse(rowptr, col, left.new_zeros(col.numel()), right.size(0))
        filled = torch.sparse.sampled_addmm(empty, left.contiguous(), right.contiguous().t(), beta=0.0)
        return filled.values()
    return plain_sample(rowptr, col, left, right)


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
    out = dense.new_zeros(steps + 1, *dense.shape)
    out[0] = dense
    for k in range(steps):
        _add_product(out[k + 1], rowptr, col, value, out[k])
    return out


@_matmul.register_fake
def _(rowptr: Tensor, *rest: Tensor) -> Tensor:
    return rest[-1].new_empty(rowptr.numel() - 1, rest[-1].size(1))


@_sample.register_fake
def _(rowptr: Tensor, col: Tensor, *rest: Tensor) -> Tensor:
    return rest[-1].new_empty(col.numel())


@_powers.register_fake
def _(rowptr: Tensor, *rest: Any) -> Tensor:
    dense, steps = rest[-2:]
    return dense.new_empty(steps + 1, *dense.shape)


@torch.library.custom_op("gpool::csr_matmul_transposed", mutates_args=())
def _matmul_transposed(
    rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, dense: Tensor
) -> Tensor:
    return _multiply(colptr, row, value.index_select(0, order), dense)


@torch.library.custom_op("gpool::csr_adjoints", mutates_args=())
def _adjoints(order: Tensor, colptr: Tensor, row: Tensor, value: Tensor, grad: Tensor) -> Tensor:
    """H_K = G_K, H_k = G_k + A^T H_(k+1)."""
    flipped, out = value.index_select(0, order), grad.clone(memory_format=torch.contiguous_format)
    for k in range(grad.size(0) - 2, -1, -1):
        _add_product(out[k], colptr, row, flipped, out[k + 1])
    return out


@_matmul_transposed.register_fake
def _(rowptr: Tensor, col: Tensor, order: Tensor, colptr: Tensor, *rest: Tensor) -> Tensor:
    return rest[-1].new_empty(colptr.numel() - 1, rest[-1].size(1))


@_adjoints.register_fake
def _(*inputs: Tensor) -> Tensor:
    return inputs[-1].new_empty(inputs[-1].shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:7])


def _keep_powers(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:6], output)


def _matmul_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    *fields, value, dense = ctx.saved_tensors
    pattern = Pattern(*fields)
    d_value = sampled(pattern, grad, dense) if ctx.needs_input_grad[5] else None
    d_dense = transposed(pattern, value, grad) if ctx.needs_input_grad[6] else None
    return None, None, None, None, None, d_value, d_dense


def _matmul_transposed_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    *fields, value, dense = ctx.saved_tensors
    pattern = Pattern(*fields)
    d_value = sampled(pattern, dense, grad) if ctx.needs_input_grad[5] else None
    d_dense = product(pattern, value, grad) if ctx.needs_input_grad[6] else None
    return None, None, None, None, None, d_value, d_dense


def _sample_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    *fields, left, right = ctx.saved_tensors
    pattern = Pattern(*fields)
    d_left = product(pattern, grad, right) if ctx.needs_input_grad[5] else None
    d_right = transposed(pattern, grad, left) if ctx.needs_input_grad[6] else None
    return None, None, None, None, None, d_left, d_right


def _powers_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    *fields, value, states = ctx.saved_tensors
    pattern = Pattern(*fields)
    if torch.is_grad_enabled() or transformed(grad, value):  # another derivative will be asked for
        steps = [grad[-1]]
        for k in range(grad.size(0) - 2, -1, -1):
            steps.append(grad[k] + transposed(pattern, value, steps[-1]))
        adjoints = torch.stack(steps[::-1])
    else:
        adjoints = _adjoints(pattern.order, pattern.colptr, pattern.row, value, grad)
    left, right = adjoints[1:].transpose(0, 1).flatten(1), states[:-1].transpose(0, 1).flatten(1)
    d_value = sampled(pattern, left, right) if ctx.needs_input_grad[5] else None
    return None, None, None, None, None, d_value, adjoints[0], None


_matmul.register_autograd(_matmul_backward, setup_context=_keep)
_matmul_transposed.register_autograd(_matmul_transposed_backward, setup_context=_keep)
_sample.register_autograd(_sample_backward, setup_context=_keep)
_powers.register_autograd(_powers_backward, setup_context=_keep_powers)

for _op in (_matmul, _matmul_transposed, _sample, _powers, _adjoints):
    for _device in ("cpu", "cuda"):  # autocast would cast to half types, for which there is no sparse kernel
        _op.register_autocast(_device, torch.float32)


def product(pattern: Pattern, value: Tensor, dense: Tensor) -> Tensor:
    """A X."""
    if transformed(value, dense):
        return plain_matmul(pattern.rowptr, pattern.col, value, dense)
    return _matmul(pattern.rowptr, pattern.col, pattern.order, pattern.colptr, pattern.row, value, dense)


def transposed(pattern: Pattern, value: Tensor, dense: Tensor) -> Tensor:
    """A^T X."""
    if transformed(value, dense):
        return plain_matmul(pattern.colptr, pattern.row, value.index_select(0, pattern.order), dense)
    return _matmul_transposed(
        pattern.rowptr, pattern.col, pattern.order, pattern.colptr, pattern.row, value, dense
    )


def sampled(pattern: Pattern, left: Tensor, right: Tensor) -> Tensor:
    """<left[row], right[col]> at every entry."""
    if transformed(left, right):
        return plain_sample(pattern.rowptr, pattern.col, left, right)
    return _sample(pattern.rowptr, pattern.col, pattern.order, pattern.colptr, pattern.row, left, right)


def powers(pattern: Pattern, value: Tensor, dense: Tensor, steps: int) -> Tensor:
    """X, A X, ..., A^steps X."""
    if transformed(value, dense):
        return plain_powers(pattern.rowptr, pattern.col, value, dense, steps)
    return _powers(
        pattern.rowptr, pattern.col, pattern.order, pattern.colptr, pattern.row, value, dense, steps
    )
