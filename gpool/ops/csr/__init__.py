"""Products with a sparse matrix whose pattern is fixed and whose values are learned.

Three functions, each differentiable any number of times because each other's derivatives are among them:

    csr_matmul   Y = A X                                   dA = sample(dY, X),   dX = A^T dY
    csr_sample   s_e = <left[row_e], right[col_e]>         d left = S right,     d right = S^T left
    csr_powers   X, A X, A^2 X, ..., A^K X                 one sample and K products backward

On a CPU in float32 and float64 they are one call of a compiled kernel each and keep nothing of size
[E, C]; on other devices, inside of torch.func's transforms and for forward-mode derivatives they gather and
scatter. Half types, and all types inside of autocast, are computed in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.csr._operators import powers, product, sampled
from gpool.ops.csr.pattern import Pattern
from gpool.ops.precision import widened

__all__ = ["Pattern", "csr_matmul", "csr_powers", "csr_sample"]


def _same_type(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, torch.dtype]:
    """Both in the type to compute in, half types as float32; and the type of the result."""
    if a.dtype == b.dtype == torch.float32:
        return a, b, a.dtype
    out = torch.promote_types(a.dtype, b.dtype)
    return widened(a.to(out)), widened(b.to(out)), out


def _check_rows(pattern: Pattern, **dense: Tensor) -> None:
    for name, x in dense.items():
        if x.dim() != 2 or x.size(0) != pattern.size:
            raise ValueError(
                f"{name} of shape {tuple(x.shape)} must be [{pattern.size}, C], as the pattern has rows"
            )


def _check_value(pattern: Pattern, value: Tensor) -> None:
    if value.dim() != 1 or value.numel() != pattern.col.numel():
        raise ValueError(
            f"value of shape {tuple(value.shape)} must be [{pattern.col.numel()}], one for each entry"
        )


def csr_matmul(pattern: Pattern, value: Tensor, dense: Tensor) -> Tensor:
    """A X for A with ``value`` [E] at the pattern's entries and ``dense`` X [M, C]: [M, C].

    Raises:
        ValueError: shapes that do not fit; a pattern that is not sound, see :meth:`Pattern.check`.
    """
    pattern.check()
    _check_value(pattern, value)
    _check_rows(pattern, dense=dense)
    value, dense, dtype = _same_type(value, dense)
    return product(pattern, value, dense).to(dtype)


def csr_sample(pattern: Pattern, left: Tensor, right: Tensor) -> Tensor:
    """<left[row], right[col]> at every entry: two [M, C] -> [E].

    Raises:
        ValueError: shapes that do not fit; a pattern that is not sound, see :meth:`Pattern.check`.
    """
    pattern.check()
    _check_rows(pattern, left=left, right=right)
    if left.size(1) != right.size(1):
        raise ValueError(f"left of width {left.size(1)} and right of width {right.size(1)} must be as wide")
    left, right, dtype = _same_type(left, right)
    return sampled(pattern, left, right).to(dtype)


def csr_powers(pattern: Pattern, value: Tensor, dense: Tensor, steps: int) -> Tensor:
    """X, A X, ..., A^steps X for ``dense`` X [M, C]: [steps + 1, M, C].

    Raises:
        ValueError: steps < 0; shapes that do not fit; a pattern that is not sound, see :meth:`Pattern.check`.
    """
    if steps < 0:
        raise ValueError(f"steps={steps} must not be negative")
    pattern.check()
    _check_value(pattern, value)
    _check_rows(pattern, dense=dense)
    value, dense, dtype = _same_type(value, dense)
    return powers(pattern, value, dense, steps).to(dtype)
