"""Dot products of entries with the queries of their segment, by one matrix product for each segment."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["Scores"]


class Scores(torch.autograd.Function):
    """<query[segment of i, k], key[i]> for entries in the order of segments: [B, K, D], [N, D] -> [N, K]."""

    @staticmethod
    def forward(query: Tensor, key: Tensor, index: Tensor, sizes: list[int]) -> Tensor:
        score = key.new_empty(key.size(0), query.size(1))
        parts = (key.split(sizes), query.transpose(1, 2).unbind(0), score.split(sizes))
        for k, turned, part in zip(*parts, strict=True):
            torch.mm(k, turned, out=part)
        return score

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, list[int]], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])
        ctx.sizes = inputs[3]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        query, key, index = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative will be asked for
            spread = grad.unsqueeze(-1)  # [N, K, 1]
            by_query = torch.zeros_like(query).index_add(0, index, spread * key.unsqueeze(1))
            return by_query, (spread * query.index_select(0, index)).sum(1), None, None
        by_query, by_key = torch.empty_like(query), torch.empty_like(key)
        turned = grad.t().split(ctx.sizes, dim=1)
        parts = (grad.split(ctx.sizes), turned, key.split(ctx.sizes), by_key.split(ctx.sizes))
        for g, t, k, for_k, q, for_q in zip(*parts, query.unbind(0), by_query.unbind(0), strict=True):
            torch.mm(g, q, out=for_k)
            torch.mm(t, k, out=for_q)
        return by_query, by_key, None, None
