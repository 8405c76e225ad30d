"""Log-sum-exp of every segment at a temperature, with a backward that keeps nothing but the output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.pieces import row_chunks
from gpool.ops.ragged import as_rows, from_rows, per_row, resolve, widened
from gpool.ops.reduce import segment_count, segment_max, segment_sum

__all__ = ["segment_logsumexp"]


def _top(x: Tensor, index: Tensor, size: int) -> Tensor:
    """The largest entry of every segment, finite where all are -inf."""
    return segment_max(x, index, dim_size=size).clamp(min=torch.finfo(x.dtype).min)


def _finish(top: Tensor, total: Tensor, tau: Tensor | float, index: Tensor) -> Tensor:
    count = segment_count(index, dim_size=total.size(0)).unsqueeze(-1)
    return torch.where(count > 0, tau * total.log() + top, 0.0)


def _plain(x: Tensor, tau: Tensor | float, index: Tensor, size: int) -> Tensor:
    """In operations that autograd and compilers know: [N, D] -> [B, D]."""
    top = _top(x.detach(), index, size)
    total = segment_sum(((x - top.index_select(0, index)) / tau).exp(), index, dim_size=size)
    some = total > 0
    return _finish(torch.where(some, top, -torch.inf), torch.where(some, total, 1.0), tau, index)


class _LogSumExp(torch.autograd.Function):
    """What stays for the backward besides x and y is dy/dtau = log s - sum_i w_i (x_i - top) / tau."""

    @staticmethod
    def forward(
        x: Tensor, tau: Tensor | float, index: Tensor, size: int, learn: bool
    ) -> tuple[Tensor, Tensor | None]:
        top = _top(x, index, size)
        total = torch.zeros_like(top)
        moment = torch.zeros_like(top) if learn else None
        for rows in row_chunks(x):
            here = index[rows]
            centred = top.index_select(0, here)
            torch.sub(x[rows], centred, out=centred)
            weight = (centred / tau if learn else centred.div_(tau)).exp_()
            total.index_add_(0, here, weight)
            if moment is not None:
                moment.index_add_(0, here, weight.mul_(centred.clamp_(min=torch.finfo(x.dtype).min)))
        y = _finish(top, total, tau, index)
        by_tau = None
        if moment is not None:
            total = total.masked_fill_(total == 0, 1.0)
            by_tau = total.log() - moment / total / tau
        return y, by_tau

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor | None]) -> None:
        x, tau, index, ctx.size, _ = inputs
        ctx.set_materialize_grads(False)
        if output[1] is not None:
            ctx.mark_non_differentiable(output[1])
        ctx.number = None if isinstance(tau, Tensor) else tau
        ctx.save_for_backward(x, tau if isinstance(tau, Tensor) else None, index, *output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if grad is None:
            return (None,) * 5
        x, tau, index, y, by_tau = ctx.saved_tensors
        tau = ctx.number if tau is None else tau
        need = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # a second derivative will be asked for
            again = _plain(x, tau, index, ctx.size)
            asked = [v for v, wanted in zip((x, tau), need, strict=True) if wanted]
            found = iter(torch.autograd.grad(again, asked, grad, create_graph=True))
            return *(next(found) if wanted else None for wanted in need), None, None, None
        by_x = _weigh(x, y, tau, index, grad) if need[0] else None
        return by_x, (grad * by_tau).sum_to_size(tau.shape) if need[1] else None, None, None, None


def _weigh(x: Tensor, y: Tensor, tau: Tensor | float, index: Tensor, grad: Tensor) -> Tensor:
    """exp((x - y) / tau) times what arrives at the segment."""
    out, y = torch.empty_like(x), y.clamp(min=torch.finfo(y.dtype).min)
    for rows in row_chunks(x):
        part = torch.index_select(y, 0, index[rows], out=out[rows])
        torch.sub(x[rows], part, out=part).div_(tau).exp_().mul_(grad.index_select(0, index[rows]))
    return out


def segment_logsumexp(
    x: Tensor,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
    dim: int = 0,
    tau: Tensor | float = 1.0,
) -> Tensor:
    r"""Log-sum-exp of every segment and channel at the temperature tau: [N, ...] -> [B, ...].

    .. math:: y_s = \tau \log \sum_{i \in s} e^{x_i / \tau}

    tau is a positive number or broadcasts against a row of x. 0 where a segment is empty, -inf where all of
    its entries are. Differentiable twice; second derivatives take the slow way.
    """
    index, size = resolve(index, ptr, dim_size, x.size(dim), x.device)
    rows, tau = as_rows(widened(x), dim), per_row(tau, x, dim)
    if torch.compiler.is_compiling():
        y = _plain(rows, tau, index, size)
    else:
        y, _ = _LogSumExp.apply(rows, tau, index, size, isinstance(tau, Tensor) and tau.requires_grad)
    return from_rows(y.to(x.dtype), x, dim)
