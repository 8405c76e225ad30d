"""Work in blocks of rows that fit a processor's cache.

Every elementwise pass over a tensor larger than the cache costs a trip to memory. A chain of row-wise
operations runs three times as fast block by block, and its intermediate results stay as small as a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["BLOCK", "BLOCKS", "block_rows", "blocks_of", "product_map", "row_blocks"]

BLOCK = 1 << 16  # numbers in a block for each thread: 256 KiB of float32
BLOCKS = 2  # blocks at once for a perceptron, whose matrix products want more rows


def block_rows(width: int, blocks: int = 1) -> int:
    """How many rows of ``width`` numbers so many blocks hold, at least one."""
    return max(blocks * BLOCK * torch.get_num_threads() // max(width, 1), 1)


def row_blocks(num_rows: int, width: int, blocks: int = 1) -> Iterator[slice]:
    """Slices of the rows, so many blocks each; none for no rows."""
    step = block_rows(width, blocks)
    for start in range(0, num_rows, step):
        yield slice(start, min(start + step, num_rows))


def blocks_of(x: Tensor) -> Iterator[slice]:
    """Slices of the rows of ``x`` [N, D], a block each; on other devices than the CPU all at once."""
    if x.device.type != "cpu":
        return iter((slice(0, x.size(0)),))
    return row_blocks(x.size(0), x.size(1))


def product_map(module: nn.Module, h: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """``module(h[u] * h[v])`` for a module that treats every row by itself: [N, C], [M], [M] -> [M, D].

    More than one block of edges is never held at once, in either direction: the backward pass computes each
    block anew, with the same dropout. That is three times faster on a CPU than tensors of M rows, and takes
    O(N + M) memory in place of O(M C). Second derivatives need all edges to fit into one step of two blocks.
    """
    if torch.compiler.is_compiling() or u.numel() <= block_rows(h.size(1), BLOCKS):  # a trace has no sizes
        return torch.as_tensor(module(h.index_select(0, u) * h.index_select(0, v)))
    return _ProductMap.apply(module, h, u, v, *module.parameters())  # type: ignore[no-any-return]


def _blocks(u: Tensor, h: Tensor) -> Iterator[slice]:
    return row_blocks(u.numel(), h.size(1), BLOCKS)


def _draws(module: nn.Module) -> bool:
    return any(isinstance(part, nn.Dropout) and part.p > 0 and part.training for part in module.modules())


def _rng(h: Tensor) -> Any:
    """Where the state of the random numbers of a tensor's device is kept."""
    return torch.random if h.device.type == "cpu" else torch.get_device_module(h.device)


def _where(h: Tensor) -> list[torch.device]:
    return [] if h.device.type == "cpu" else [h.device]


class _ProductMap(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, module: nn.Module, h: Tensor, u: Tensor, v: Tensor, *parameters: Tensor) -> Tensor:
        ctx.module = module
        ctx.names = [name for name, _ in module.named_parameters()]
        ctx.autocast = (torch.is_autocast_enabled(h.device.type), torch.get_autocast_dtype(h.device.type))
        ctx.state = None
        if _draws(module):
            ctx.state = _rng(h).get_rng_state(*_where(h))
        ctx.training = [part.training for part in module.modules()]
        ctx.save_for_backward(h, u, v, *parameters)
        return torch.cat(
            [module(h.index_select(0, u[b]).mul_(h.index_select(0, v[b]))) for b in _blocks(u, h)]
        )

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        h, u, v, *parameters = ctx.saved_tensors
        kind = h.device.type
        leaves = [p.detach().requires_grad_() for p in parameters]
        named = dict(zip(ctx.names, leaves, strict=True))
        total_h = torch.zeros_like(h)
        totals = [torch.zeros_like(p) for p in parameters]
        enabled, dtype = ctx.autocast
        with (
            torch.random.fork_rng(
                _where(h), ctx.state is not None, device_type="cuda" if kind == "cpu" else kind
            ),
            torch.autocast(kind, dtype=dtype, enabled=enabled),
            _TrainingFlags(ctx.module, ctx.training),
            torch.enable_grad(),
        ):
            if ctx.state is not None:
                _rng(h).set_rng_state(ctx.state, *_where(h))
            for b in _blocks(u, h):
                ends = [h.detach().index_select(0, end[b]).requires_grad_() for end in (u, v)]
                out = functional_call(ctx.module, named, (ends[0] * ends[1],))
                of_ends = torch.autograd.grad(out, [*ends, *leaves], grad[b].to(out.dtype))
                total_h.index_add_(0, u[b], of_ends[0])
                total_h.index_add_(0, v[b], of_ends[1])
                for total, each in zip(totals, of_ends[2:], strict=True):
                    total.add_(each)
        return None, total_h, None, None, *totals


class _TrainingFlags:
    """A module with the training flags that it had in the forward pass."""

    def __init__(self, module: nn.Module, training: list[bool]) -> None:
        self.parts, self.training = list(module.modules()), training

    def _set(self, flags: list[bool]) -> None:
        for part, flag in zip(self.parts, flags, strict=True):
            part.training = flag

    def __enter__(self) -> None:
        self.now = [part.training for part in self.parts]
        self._set(self.training)

    def __exit__(self, *_: object) -> None:
        self._set(self.now)
