"""Log-sum-exp of every segment at a temperature, with a backward that keeps no second [N, D]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.blocks import blocks_of
from gpool.ops.checks.arguments import length_along
from gpool.ops.precision import floating
from gpool.ops.segment._index import Segments, resolve, unseen
from gpool.ops.segment._rows import as_rows, from_rows, per_row
from gpool.ops.segment.reduce import segment_count, segment_max, segment_sum

__all__ = ["segment_logsumexp"]

FAR = 1e30  # stands for an infinite distance, where its product with zero must be zero


def _top(x: Tensor, index: Tensor, size: int) -> Tensor:
    """The largest entry of every segment, finite where it is infinite."""
    kind = torch.finfo(x.dtype)
    return segment_max(x, Segments(index, size)).clamp(kind.min, kind.max)


def _finish(top: Tensor, total: Tensor, tau: Tensor | float, index: Tensor) -> Tensor:
    count = segment_count(Segments(index, total.size(0))).unsqueeze(-1)
    return torch.where(count > 0, tau * total.log() + top, 0.0)


def _plain(x: Tensor, tau: Tensor | float, index: Tensor, size: int) -> Tensor:
    """In operations that autograd and compilers know: [N, D] -> [B, D]."""
    top = _top(x.detach(), index, size)
    below = (x - top.index_select(0, index)).clamp(min=-FAR)
    total = segment_sum((below / tau).exp(), Segments(index, size))
    some = total > 0
    return _finish(torch.where(some, top, -torch.inf), torch.where(some, total, 1.0), tau, index)


class _LogSumExp(torch.autograd.Function):
    """With the largest entry t and the sum s of exp((x - t) / tau), what stays for the backward besides x is
    t, s and dy/dtau = log s - sum_i w_i (x_i - t) / tau. The weights w are not taken from y: its rounding
    would be divided by tau.
    """

    @staticmethod
    def forward(
        x: Tensor, tau: Tensor | float, index: Tensor, size: int, learn: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        top = _top(x, index, size)
        total = torch.zeros_like(top)
        moment = torch.zeros_like(top) if learn else None
        for rows in blocks_of(x):
            here = index[rows]
            shifted = top.index_select(0, here)
            torch.sub(x[rows], shifted, out=shifted)
            weight = (shifted / tau if learn else shifted.div_(tau)).exp_()
            total.index_add_(0, here, weight)
            if moment is not None:
                moment.index_add_(0, here, weight.mul_(shifted.clamp_(min=-FAR)))
        y = _finish(top, total, tau, index)
        total = total.masked_fill_(total == 0, 1.0)
        by_tau = None if moment is None else total.log() - moment / total / tau
        return y, top, total, by_tau

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor | None, ...]) -> None:
        x, tau, index, ctx.size, _ = inputs
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(v for v in output[1:] if v is not None))
        ctx.number = None if isinstance(tau, Tensor) else tau
        ctx.save_for_backward(x, tau if isinstance(tau, Tensor) else None, index, *output[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if grad is None:
            return (None,) * 5
        x, tau, index, top, total, by_tau = ctx.saved_tensors
        tau = ctx.number if tau is None else tau
        need = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # a second derivative will be asked for
            again = _plain(x, tau, index, ctx.size)
            asked = [v for v, wanted in zip((x, tau), need, strict=True) if wanted]
            found = iter(torch.autograd.grad(again, asked, grad, create_graph=True))
            return *(next(found) if wanted else None for wanted in need), None, None, None
        by_x = _weigh(x, top, tau, index, grad / total) if need[0] else None
        return by_x, (grad * by_tau).sum_to_size(tau.shape) if need[1] else None, None, None, None


def _weigh(x: Tensor, top: Tensor, tau: Tensor | float, index: Tensor, grad: Tensor) -> Tensor:
    """exp((x - top) / tau) times what arrives at the segment."""
    out = torch.empty_like(x)
    for rows in blocks_of(x):
        part = torch.index_select(top, 0, index[rows], out=out[rows])
        torch.sub(x[rows], part, out=part).div_(tau).exp_().mul_(grad.index_select(0, index[rows]))
    return out


def segment_logsumexp(
    x: Tensor,
    index: Tensor | Segments | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
    tau: Tensor | float = 1.0,
) -> Tensor:
    r"""Log-sum-exp of every segment and channel at the temperature tau: [N, ...] -> [B, ...].

    .. math:: y_s = \tau \log \sum_{i \in s} e^{x_i / \tau}

    tau is a positive number or broadcasts against a row of x. 0 where a segment is empty, -inf where all of
    its entries are. Differentiable twice; second derivatives take the slow way.

    Raises:
        ValueError: tau is a number that is not positive.
    """
    if not isinstance(tau, Tensor) and not tau > 0:
        raise ValueError(f"tau={tau} must be positive")
    # Not looked at here: the maximum comes first, and refuses what is no segment.
    segment, size, _ = resolve(index, ptr, dim_size, length_along(x, dim), x.device, look=unseen(x))
    rows, tau = as_rows(floating("x", x), dim), per_row("tau", tau, x, dim)
    if torch.compiler.is_compiling():
        y = _plain(rows, tau, segment, size)
    else:
        y, *_ = _LogSumExp.apply(rows, tau, segment, size, isinstance(tau, Tensor) and tau.requires_grad)
    return from_rows(y.to(x.dtype), x, dim)
