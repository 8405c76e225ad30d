"""Attention over depth: scores, weights and mixture, without the projected [N, L, C] tensor.

The projected states Xt_l = X_l W_l^T + b_l + P_l appear only inside inner products and sums, where W_l, b_l
and P_l can be pulled out: with u_v = W_l^T W_K^T q_v,

    <q_v, W_K Xt_{l,v} + b_K> = <u_v, X_{l,v}> + <q_v, W_K (b_l + P_l) + b_K>,
    sum_l a_l Xt_{l,v}        = sum_l W_l (a_l X_{l,v}) + sum_l a_l (b_l + P_l).

The second term of each is one row per graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from gpool.ops.precision import widened
from gpool.ops.segment import Segments, segment_broadcast, segment_mean

__all__ = ["DepthNorm", "depth_encoding", "depth_scores", "mix_layers", "normalize_depth"]

DepthNorm = Literal["signed", "softmax", "uniform", "last", "none"]
DEPTH_NORMS: tuple[str, ...] = get_args(DepthNorm)


def depth_encoding(num_layers: int, channels: int, like: Tensor) -> Tensor:
    """Sinusoids of the depth, P[l, 2k] = sin(l / 10000^(2k / C)), P[l, 2k + 1] = cos(the same): [L, C]."""
    even = torch.arange(0, channels, 2, device=like.device, dtype=torch.float64)  # 2k
    depth = torch.arange(num_layers, device=like.device, dtype=torch.float64)
    angle = depth[:, None] * torch.exp(even * (-math.log(10000.0) / channels))  # [L, ceil(C / 2)]
    table = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)  # [L, C or C + 1]
    return table[:, :channels].to(like.dtype)


def depth_scores(
    layers: Sequence[Tensor],
    weights: Sequence[Tensor],
    offsets: Tensor,
    query: tuple[Tensor, Tensor | None],
    key: tuple[Tensor, Tensor | None],
    last_mean: Tensor,
    index: Tensor | Segments,
    dim_size: int | None = None,
) -> Tensor:
    r"""Mean query-key score of the last layer against each layer, per graph.

    .. math::
        c_{g,l} = \frac{1}{n_g}\sum_{v \in g} \frac{\langle W_Q \tilde X_{L-1,v} + b_Q,\;
                  W_K \tilde X_{l,v} + b_K\rangle}{\sqrt C},
        \qquad \tilde X_l = X_l W_l^\top + o_l

    Args:
        layers: L tensors X_l [N, C_l].
        weights: L projections W_l [C, C_l], or the one [C, C_in] that all layers share.
        offsets: o_l = b_l + P_l, [L, C].
        query, key: weight [C, C] and bias [C] of the two maps.
        last_mean: mean of the last layer over each graph, [B, C_{L-1}].

    Shape:
        - output: [B, L]; zeros for an empty graph, up to the part that does not depend on nodes.
    """
    (w_q, b_q), (w_k, b_k) = query, key
    ask = w_q @ weights[-1]  # [C, C_{L-1}]
    ask_bias = F.linear(offsets[-1], w_q, b_q)  # [C]
    scores = []
    for depth, x in enumerate(layers):
        if depth < len(weights):
            pull = (w_k @ weights[depth]).t()  # [C_l, C]
            u = widened(F.linear(layers[-1], pull @ ask, pull @ ask_bias))  # [N, C_l]
        scores.append((u * x).sum(dim=-1))  # [N]
    inner = segment_mean(torch.stack(scores, dim=-1), index, dim_size=dim_size)  # [B, L]
    constant = F.linear(last_mean, ask, ask_bias) @ F.linear(offsets, w_k, b_k).t()  # [B, L]
    return (inner + constant) / math.sqrt(w_q.size(0))


def normalize_depth(scores: Tensor, norm: DepthNorm = "signed", eps: float = 1e-6) -> Tensor:
    r"""Weights of the layers from their scores, [B, L] -> [B, L].

    ``signed`` is c / S with S = sum of c; ``softmax``, ``uniform`` (1 / L), ``last`` (one-hot) and ``none``
    (c as it is) are the alternatives. The guard of ``signed`` is relative, as the weights do not depend on
    the scale of c: where abs(S) < eps * A with A = sum of abs(c), S is replaced by eps * A with the sign of
    S, a constant for the gradient; where A = 0 the weights are 1 / L.
    """
    if norm == "none":
        return scores
    if norm == "softmax":
        return scores.softmax(dim=-1)
    if norm == "uniform":
        return torch.full_like(scores, 1 / scores.size(-1))
    if norm == "last":
        return torch.cat([torch.zeros_like(scores[:, :-1]), torch.ones_like(scores[:, -1:])], dim=-1)
    total = scores.sum(dim=-1, keepdim=True)  # [B, 1]
    floor = (eps * scores.detach().abs().sum(dim=-1, keepdim=True)).clamp(min=torch.finfo(scores.dtype).tiny)
    divisor = torch.where(total.abs() < floor, torch.copysign(floor, total.detach()), total)
    zero = (scores == 0).all(dim=-1, keepdim=True)
    return torch.where(zero, torch.full_like(scores, 1 / scores.size(-1)), scores / divisor)


def mix_layers(
    layers: Sequence[Tensor],
    weights: Sequence[Tensor],
    offsets: Tensor,
    alpha: Tensor,
    index: Tensor | Segments,
) -> Tensor:
    r"""Every node's mixture of its layers, :math:`H_v = \sum_l \alpha_{g(v),l} (W_l X_{l,v} + o_l)`.

    Shape:
        - layers, weights, offsets: as in :func:`depth_scores`; alpha: [B, L]; output: [N, C].
    """
    share = segment_broadcast(alpha.to(layers[0].dtype), index)  # [N, L]
    rows = segment_broadcast((alpha @ offsets.to(alpha.dtype)).to(share.dtype), index)  # [N, C]
    if len(weights) == 1:
        x = share[:, :1] * layers[0]
        for depth in range(1, len(layers)):
            x = torch.addcmul(x, share[:, depth : depth + 1], layers[depth])
        return F.linear(x, weights[0]) + rows
    for depth, (x, weight) in enumerate(zip(layers, weights, strict=True)):
        rows = rows + F.linear(share[:, depth : depth + 1] * x, weight)
    return rows
