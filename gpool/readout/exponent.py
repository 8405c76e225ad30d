"""Learnable positive exponents that stay within their bounds, whatever an optimizer does to the parameter."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

__all__ = ["bounded", "exponent_of", "raw_of"]


class _Bounded(torch.autograd.Function):
    """x, clamped before, whose gradient, where that moved it, passes only if a descent leads back in.

    Takes tensors alone: torch.compile cannot lift the same symbolic float into two such functions.
    """

    @staticmethod
    def forward(x: Tensor, clamped: Tensor) -> Tensor:
        return clamped.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        x, clamped = ctx.saved_tensors
        return grad.masked_fill((x - clamped) * grad < 0, 0.0), None


def bounded(x: Tensor, low: float, high: float) -> Tensor:
    """``x`` clamped to [low, high]; a parameter beyond a bound can still come back, which clamp prevents."""
    return _Bounded.apply(x, x.detach().clamp(low, high))


def exponent_of(raw: Tensor, param: str, p_min: float, p_max: float) -> Tensor:
    """The exponent p in [p_min, p_max] that the free parameter ``raw`` stands for.

    ``"softplus"``: p = p_min + log(1 + e^raw). ``"inverse"``: p = 1 / raw; the slope of the norm in raw is
    bounded all the way to the maximum at raw = 0, where it dies like 1 / p^2 in p.
    """
    if param == "inverse":
        return bounded(raw, 1.0 / p_max, 1.0 / p_min).reciprocal()
    return bounded(p_min + torch.nn.functional.softplus(raw), p_min, p_max)


def raw_of(p: float, param: str, p_min: float, p_max: float) -> float:
    """The free parameter at which :func:`exponent_of` gives ``p``."""
    if param not in ("softplus", "inverse"):
        raise ValueError(f"param={param!r} must be 'softplus' or 'inverse'")
    if not 0 < p_min < p_max or math.isinf(p_max):
        raise ValueError(f"p_min={p_min} and p_max={p_max} must satisfy 0 < p_min < p_max < inf")
    if not p_min <= p <= p_max or (param == "softplus" and p == p_min):
        raise ValueError(f"p={p} must lie above p_min={p_min} and not above p_max={p_max}")
    if param == "inverse":
        return 1.0 / p
    gap = p - p_min
    return gap + math.log(-math.expm1(-gap))  # log(e^gap - 1)
