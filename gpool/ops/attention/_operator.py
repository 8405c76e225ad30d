"""Ragged attention as one operator that torch.compile and torch.export do not look into."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpool.ops.attention._buckets import bucket_attention
from gpool.ops.transforms import transformed

__all__ = ["opaque_attention"]


def opaque_attention(
    query: Tensor, key: Tensor, value: Tensor, index: Tensor, dim_size: int, dropout: float, zero_token: bool
) -> Tensor:
    """See :func:`gpool.ops.attention.ragged_attention`: [N, H, D] -> [N, H, D].

    The backward runs the forward again, so dropout is drawn from a seed that both share.

    Raises:
        NotImplementedError: inside of torch.func's transforms and for forward-mode derivatives.
    """
    if transformed(query, key, value):
        raise NotImplementedError(
            "ragged_attention has no forward-mode derivatives, and no rule for torch.func while compiling"
        )
    device = query.device
    seed = torch.randint(2**31, (1,), device=device) if dropout > 0 else index.new_zeros(1)
    return _forward(query, key, value, index, seed, dim_size, dropout, zero_token)


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor,
    seed: Tensor,
    dim_size: int,
    dropout: float,
    zero_token: bool,
) -> Tensor:
    if dropout == 0:
        return bucket_attention(query, key, value, index, dim_size, None, dropout, zero_token)
    devices = [query.device] if query.is_cuda else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(int(seed))
        return bucket_attention(query, key, value, index, dim_size, None, dropout, zero_token)


@torch.library.custom_op("gpool::ragged_attention", mutates_args=())
def _forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor,
    seed: Tensor,
    dim_size: int,
    dropout: float,
    zero_token: bool,
) -> Tensor:
    return _attend(query, key, value, index, seed, dim_size, dropout, zero_token).clone()


@torch.library.custom_op("gpool::ragged_attention_backward", mutates_args=())
def _backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor,
    seed: Tensor,
    dim_size: int,
    dropout: float,
    zero_token: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    # An operator's body runs below autograd; torch.func brings its own.
    _, pull = torch.func.vjp(  # type: ignore[misc]
        lambda q, k, v: _attend(q, k, v, index, seed, dim_size, dropout, zero_token), query, key, value
    )
    q, k, v = (g.contiguous() for g in pull(grad))
    return q, k, v


@_forward.register_fake
def _(query: Tensor, *rest: Any) -> Tensor:
    return query.new_empty(query.shape)


@_backward.register_fake
def _(grad: Tensor, query: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    return query.new_empty(query.shape), query.new_empty(query.shape), query.new_empty(query.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:5])
    ctx.options = inputs[5:]


def _pull(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    return (*_backward(grad, *ctx.saved_tensors, *ctx.options), None, None, None, None, None)


_forward.register_autograd(_pull, setup_context=_save)
