"""Attention of one or several queries over the nodes of every graph."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import (
    check_count,
    check_heads,
    check_positive,
    check_type,
)
from gpool.ops.segment import (
    Segments,
    segment_attend,
    segment_count,
    segment_max,
    segment_mean,
    segment_power_attend,
    segment_read,
    segment_score,
)
from gpool.ops.segment.attend import read_by_products
from gpool.readout.designated import states_of
from gpool.readout.node_rows import graph_rows, node_ids, node_rows

__all__ = ["QueryAttention"]


class QueryAttention(Aggregation):
    r"""Reads the nodes of every graph by attention, with queries from the graph or learned ones.

    With H heads of width d = C / H and z = x, or LayerNorm(x), each query reads in each head

    .. math::
        \alpha_i = \mathrm{softmax}_{i \in g}\big(\beta\, \langle q, W_K z_i \rangle\big), \qquad
        y = \sum_{i \in g} \alpha_i v_i, \qquad v_i = W_V z_i \ \text{or} \ z_i

    The graph's own query is W_Q times the mean or maximum of x, or W_Q times the state of one node that
    ``forward`` is told. ``power`` makes the sum a power mean of v above its smallest entry m in the graph,
    :math:`y = m + (\sum \alpha_i (v_i - m)^\gamma)^{1 / \gamma}`, and ``steps`` replaces q as often by
    :math:`\sum \alpha_i W_K z_i`. These papers' readouts are settings:

    - SimPool ("Keep It SimPool", Psomas et al., 2023, arXiv:2309.06891), with m of each graph, added back:
      ``QueryAttention(C, value="identity", power=2.0)``.
    - Adaptive pooling by a mean query ("Robust Noise Attenuation via Adaptive Pooling of Transformer
      Outputs", Brothers, 2025, arXiv:2506.09215): ``QueryAttention(C, heads=H)``; by a chosen element: the
      same with ``query_index`` in ``forward``.
    - PMA ("Set Transformer", Lee et al., 2019, arXiv:1810.00825), where the queries W_Q S are the seeds:
      ``QueryAttention(C, query=S, heads=H, output="residual", bias=True)``.
    - Hopfield pooling ("Hopfield Networks is All You Need", Ramsauer et al., 2021, arXiv:2008.02217):
      ``QueryAttention(C, query=S, steps=T, layer_norm=True, scale=beta)``. With several heads, each has
      seeds of its own.

    Args:
        channels: width C of x.
        query: ``"mean"`` or ``"max"`` of the graph's nodes, or the number S of learned seeds.
        heads: number of heads H, which must divide C.
        value: ``"linear"``, W_V z, or ``"identity"``, z.
        power: the exponent gamma; None for the plain sum, which is that of 1.
        steps: how often a query moves to what it reads from the keys.
        output: ``"linear"``, W_O y; ``"identity"``, y; or ``"residual"``, r + relu(W_O r) with r = q + y.
            None: as ``value``.
        layer_norm: whether nodes, and seeds in each head, are normalized; None: with identity values.
        scale: beta; None for 1 / sqrt(d).
        bias: bias terms of W_V and W_O. (One of W_K would not change a softmax.)
        eps: what is added to v - m within the power and subtracted from the result, so that a value of m has
            a gradient.

    Shape:
        x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, C], or [..., B, S C], seed by seed.
        With N nodes, B graphs.

    An empty graph gives zeros; one node gives the output of its v (with "residual", of its q + v).

    Raises:
        ValueError: an option is unknown or out of range, x has not ``channels`` channels, or an entry of
            ``query_index`` is no node of its graph (on a GPU it is not looked at).

    Example:
        >>> x, index = torch.randn(5, 8), torch.tensor([0, 0, 1, 1, 1])
        >>> QueryAttention(8, query=4, heads=2)(x, index, dim_size=2).shape
        torch.Size([2, 32])
    """

    def __init__(
        self,
        channels: int,
        *,
        query: Literal["mean", "max"] | int = "mean",
        heads: int = 1,
        value: Literal["linear", "identity"] = "linear",
        power: float | None = None,
        steps: int = 0,
        output: Literal["linear", "identity", "residual"] | None = None,
        layer_norm: bool | None = None,
        scale: float | None = None,
        bias: bool = False,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        check_heads(channels, heads)
        check_count("steps", steps)
        if query not in ("mean", "max"):
            if isinstance(query, (str, bool)):
                raise ValueError(f"query={query!r} must be 'mean', 'max' or a number of seeds")
            check_positive(query=query)
        if value not in ("linear", "identity"):
            raise ValueError(f"value={value!r} must be 'linear' or 'identity'")
        if output not in (None, "linear", "identity", "residual"):
            raise ValueError(f"output={output!r} must be 'linear', 'identity', 'residual' or None")
        for name, number in (("power", power), ("scale", scale), ("eps", eps)):
            if number is not None and not 0 < number < math.inf:
                raise ValueError(f"{name}={number} must be positive and finite")
        self.channels, self.query, self.heads, self.value = channels, query, heads, value
        self.power, self.steps, self.eps = power, steps, eps
        self.output = value if output is None else output
        self.scale = 1.0 / math.sqrt(channels // heads) if scale is None else scale
        normalized = value == "identity" if layer_norm is None else layer_norm
        self.layer_norm, self.bias = normalized, bias
        self.norm = nn.LayerNorm(channels) if normalized else None
        self.to_key = nn.Linear(channels, channels, bias=False)
        self.to_value = nn.Linear(channels, channels, bias=bias) if value == "linear" else None
        self.to_output = nn.Linear(channels, channels, bias=bias) if self.output != "identity" else None
        seeds = query if isinstance(query, int) else 0
        self.seeds = nn.Parameter(torch.empty(seeds, channels)) if seeds else None
        self.seed_norm = nn.LayerNorm(channels // heads) if seeds and normalized else None
        self.to_query = None if seeds else nn.Linear(channels, channels, bias=False)
        self.out_channels = channels * max(seeds, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws all parameters anew."""
        for part in (self.norm, self.seed_norm, self.to_query, self.to_key, self.to_value, self.to_output):
            if part is not None:
                part.reset_parameters()
        if self.seeds is not None:
            nn.init.xavier_uniform_(self.seeds)

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        query_index: Tensor | None = None,
    ) -> Tensor:
        """The pooled graphs [..., B, out_channels].

        ``query_index`` [B] names one node of each graph, whose state is the query; -1 where there is none.
        """
        nodes, segments = node_rows(x, self.channels, index, ptr, dim_size, dim)
        check_type("x", x, self.to_key.weight)
        if query_index is not None and x.dim() > 2:
            query_index = node_ids(query_index, x, dim)
        z = nodes if self.norm is None else self.norm(nodes)
        query = self._moved(self._queries(nodes, segments, query_index), z, segments)  # [(B,) K, H, d]
        ask = torch.einsum(
            "...hd,hdc->...hc", query * self.scale, self.to_key.weight.unflatten(0, query.shape[-2:])
        )
        # <q, W_K z> = <W_K^T q, z>: no key is built.
        score = segment_score(ask.flatten(-3, -2), z, segments).unflatten(1, query.shape[-3:-1])  # [N, K, H]
        read = self._read(score, z, segments)
        y = self._put_out(read, query.flatten(-2)).flatten(1)
        y = y.masked_fill((segment_count(segments) == 0).unsqueeze(1), 0.0)
        return graph_rows(y, x, dim)

    def _queries(self, nodes: Tensor, segments: Segments, query_index: Tensor | None) -> Tensor:
        """The queries before any step, [S, H, d] or [B, 1, H, d]."""
        heads = (self.heads, self.channels // self.heads)
        if self.seeds is not None:
            if query_index is not None:
                raise ValueError(f"query_index must be None with query={self.query} learned seeds")
            seeds = self.seeds.unflatten(1, heads)
            return seeds if self.seed_norm is None else self.seed_norm(seeds)
        if query_index is not None:
            chosen = states_of(query_index, nodes, segments)
        else:
            chosen = (segment_mean if self.query == "mean" else segment_max)(nodes, segments)
        assert self.to_query is not None
        return self.to_query(chosen).unflatten(1, (1, *heads))

    def _moved(self, query: Tensor, z: Tensor, segments: Segments) -> Tensor:
        """The queries after their steps: each is what it reads from the keys of its graph."""
        if self.steps == 0:
            return query
        keys = self.to_key(z).unflatten(1, query.shape[-2:]).unbind(1)  # H of [N, d]
        moved = []
        for q, key in zip(query.unbind(-2), keys, strict=True):
            for _ in range(self.steps):
                q = segment_read(q, key, key, segments, scale=self.scale)  # [B, K, d]
            moved.append(q)
        return torch.stack(moved, dim=-2)

    def _read(self, score: Tensor, z: Tensor, segments: Segments) -> Tensor:
        """What scores [N, K, H] read from the values of their heads, [B, K, C]."""
        columns, to_value = score.size(1) * self.heads, self.to_value
        few = self.heads == 1 or (columns <= self.channels and read_by_products(segments, columns))
        if to_value is not None and self.power is None and few:  # W_V once a graph instead of once a node
            read = segment_attend(score.flatten(1), z, segments).unflatten(1, score.shape[1:])  # [B, K, H, C]
            by_head = to_value.weight.unflatten(0, (self.heads, self.channels // self.heads))  # [H, d, C]
            v = torch.cat([F.linear(r, w) for r, w in zip(read.unbind(2), by_head, strict=True)], dim=-1)
            return v if to_value.bias is None else v + to_value.bias
        v = z if to_value is None else to_value(z)
        if self.power is None:
            return segment_attend(score, v, segments)
        return segment_power_attend(score, v, self.power, segments, eps=self.eps)

    def _put_out(self, read: Tensor, query: Tensor) -> Tensor:
        if self.to_output is None:
            return read
        if self.output == "linear":
            return self.to_output(read)
        r = query + read
        return r + self.to_output(r).relu()

    def __repr__(self) -> str:
        options = f"query={self.query!r}, heads={self.heads}, value={self.value!r}, output={self.output!r}"
        return f"{self.__class__.__name__}({self.channels}, {options})"
