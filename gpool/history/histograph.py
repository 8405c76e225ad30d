"""HistoGraph: attention over depth, then over the nodes of each graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from gpool.history.base import History, HistoryReadout, as_layers, without_empty
from gpool.history.depth import (
    DEPTH_NORMS,
    DepthNorm,
    depth_encoding,
    depth_scores,
    mix_layers,
    normalize_depth,
)
from gpool.history.feed_forward import FeedForward
from gpool.history.node_attention import NodeAttention
from gpool.history.projection import projections, widths_of
from gpool.ops.attention import check_sizes, compare_sizes
from gpool.ops.checks.arguments import check_count, check_dropout, check_positive
from gpool.ops.segment import Segments, resolve, segment_count, segment_mean

__all__ = ["HistoGraph"]


class HistoGraph(HistoryReadout):
    r"""Readout over every layer's node states: first over depth, then over the nodes of each graph.

    "Learning from Historical Activations in Graph Neural Networks" (Galron et al. 2026, arXiv:2601.01123).
    With :math:`\tilde X_l = X_l W_E^\top + b_E + P_l` and P the sinusoids of the depth,

    .. math::
        c_{g,l} &= \frac{1}{n_g\sqrt C}\sum_{v\in g}\langle W_Q\tilde X_{L-1,v},\, W_K\tilde X_{l,v}\rangle,
        \qquad \alpha_{g,l} = \frac{c_{g,l}}{\sum_m c_{g,m}} \\
        H_v &= \sum_l \alpha_{g(v),l}\tilde X_{l,v}, \qquad Z = \mathrm{MHSA}(H) \text{ inside each graph} \\
        G_g &= \frac{1}{n_g}\sum_{v\in g} Z_v, \qquad Y = a\,G + (1 - a)\,\mathrm{mean}_v\, X_{L-1,v}

    Scores are averaged over a graph, never over the batch. The weights of the layers sum to one and may be
    negative.

    Args:
        channels: width C inside and of the output.
        heads: heads of the attention over nodes.
        in_channels: width of the layers, or one for each; ``None`` for ``channels``.
        norm: how scores become weights: ``signed`` (c / sum of c), ``softmax``, ``uniform`` (1 / L), ``last``
            or ``none`` (c as it is).
        pos_enc: whether P is added.
        node_attention: whether the nodes of a graph attend to each other; else Z = H.
        residual: Z + H in place of Z, where there is an attention over nodes.
        layer_norm: layer normalization of that.
        feed_forward: width, in multiples of C, of a :class:`FeedForward` behind it; 0: none.
        mix: ``None`` gives G; a number in [0, 1] is a; ``"learned"`` is a = sigmoid(theta), at first 0.5. The
            last layer is the raw one if its width is C, else its projection without P.
        dropout: probability with which an attention weight over nodes is dropped in training.
        shared_projection: one W_E for all layers, or one for each (``in_channels`` must then list them);
            ``None`` shares it when all layers have one width.
        qk_bias: bias terms in the maps W_Q and W_K.
        zero_token: one further key and value of zeros in the attention over nodes.
        tie_qk_init: start with W_K = W_Q: the last layer's score is then not negative.
        eps: the relative guard of ``signed``: a sum below eps times the sum of magnitudes is replaced by
            that bound, with its sign, as a constant for the gradient; all scores 0 give 1 / L.
        max_nodes: an upper bound of the nodes of a graph; then nothing needs the host, but a larger graph
            gives NaN: see :func:`gpool.ops.attention.ragged_attention`.

    Shape:
        - history: L tensors [N, C_l], the first layer first, or one [N, L, C_in]; index: [N], any order.
        - output: [B, C]. An empty graph gives zeros. A one-node graph attends to itself alone.

    Raises:
        ValueError: for options out of range, and for a history whose shape does not fit.

    Example:
        >>> readout = HistoGraph(8, heads=2)
        >>> history = [torch.randn(5, 8) for _ in range(3)]
        >>> index = torch.tensor([0, 0, 1, 1, 1])
        >>> readout(history, index, dim_size=2).shape, readout.depth_weights(history, index, dim_size=2).shape
        (torch.Size([2, 8]), torch.Size([2, 3]))
    """

    def __init__(
        self,
        channels: int,
        *,
        heads: int = 1,
        in_channels: int | Sequence[int] | None = None,
        norm: DepthNorm = "signed",
        pos_enc: bool = True,
        node_attention: bool = True,
        residual: bool = False,
        layer_norm: bool = False,
        feed_forward: int = 0,
        mix: str | float | None = None,
        dropout: float = 0.0,
        shared_projection: bool | None = None,
        qk_bias: bool = False,
        zero_token: bool = False,
        tie_qk_init: bool = False,
        eps: float = 1e-6,
        max_nodes: int | None = None,
    ) -> None:
        super().__init__()
        if norm not in DEPTH_NORMS:
            raise ValueError(f"norm={norm!r} must be one of {', '.join(DEPTH_NORMS)}")
        if not (mix is None or mix == "learned" or (not isinstance(mix, str) and 0 <= mix <= 1)):
            raise ValueError(f"mix={mix!r} must be None, 'learned' or a number in [0, 1]")
        if not 0 < eps < math.inf:
            raise ValueError(f"eps={eps} must be positive and finite")
        check_positive(channels=channels)
        check_dropout(dropout)
        check_count("feed_forward", feed_forward)
        check_positive(max_nodes=1 if max_nodes is None else max_nodes)
        self.channels = self.out_channels = channels
        self.in_channels = widths_of(in_channels, channels, shared_projection)
        self.norm, self.pos_enc, self.mix, self.tie_qk_init, self.eps = norm, pos_enc, mix, tie_qk_init, eps
        self.heads, self.node_attention, self.dropout = heads, node_attention, dropout
        self.residual, self.layer_norm, self._init_feed_forward = residual, layer_norm, feed_forward
        self.qk_bias, self.zero_token, self.max_nodes = qk_bias, zero_token, max_nodes
        self.shared_projection = shared_projection
        self.embed = projections(self.in_channels, channels, shared_projection)
        self.query = nn.Linear(channels, channels, bias=qk_bias)
        self.key = nn.Linear(channels, channels, bias=qk_bias)
        self.attention = (
            NodeAttention(channels, heads=heads, dropout=dropout, zero_token=zero_token, max_nodes=max_nodes)
            if node_attention
            else None
        )
        self.norm_layer = nn.LayerNorm(channels) if layer_norm else None
        self.feed_forward = (
            FeedForward(channels, factor=feed_forward, residual=residual, layer_norm=layer_norm)
            if feed_forward
            else None
        )
        self.theta = nn.Parameter(torch.zeros(())) if mix == "learned" else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for linear in (*self.embed, self.query, self.key):
            linear.reset_parameters()
        if self.tie_qk_init:
            self.key.load_state_dict(self.query.state_dict())
        for part in (self.attention, self.norm_layer, self.feed_forward):
            if part is not None:
                part.reset_parameters()
        if self.theta is not None:
            nn.init.zeros_(self.theta)

    def forward(
        self,
        history: History,
        index: Tensor | None = None,
        dim_size: int | None = None,
        sizes: Sequence[int] | None = None,
    ) -> Tensor:
        """One vector per graph, [B, C]; ``sizes``, the nodes of every graph on the host, spares a sync."""
        layers, segments = self._inputs(history, index, dim_size, sizes)
        last_mean = segment_mean(layers[-1], segments)  # [B, C_{L-1}]
        h = self._mixed(layers, last_mean, segments)
        plain = not self.residual and self.norm_layer is None and self.feed_forward is None
        if self.attention is not None and plain:
            # The output projection commutes with the mean: once per graph instead of once per node.
            read = segment_mean(self.attention.read(h, segments, sizes=sizes), segments)
            graph = without_empty(self.attention.out_proj(read), segments)
        else:
            graph = segment_mean(self._attended(h, segments, sizes), segments)
        if self.mix is None:
            return graph
        if layers[-1].size(1) != self.channels:
            last_mean = without_empty(self.embed[-1](last_mean), segments)
        share = self.theta.sigmoid() if self.theta is not None else float(self.mix)
        return share * graph + (1 - share) * last_mean

    def nodes(
        self,
        history: History,
        index: Tensor | None = None,
        dim_size: int | None = None,
        sizes: Sequence[int] | None = None,
    ) -> Tensor:
        """Z, one vector per node [N, C], for node and link tasks; ``mix`` is not applied."""
        layers, segments = self._inputs(history, index, dim_size, sizes)
        last_mean = segment_mean(layers[-1], segments)
        return self._attended(self._mixed(layers, last_mean, segments), segments, sizes)

    def depth_weights(
        self, history: History, index: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """alpha, the weight of every layer in every graph, [B, L]."""
        layers, segments = self._inputs(history, index, dim_size, None)
        last_mean = segment_mean(layers[-1], segments)
        return self._alpha(layers, self._offsets(layers), last_mean, segments)

    def node_scores(self, history: History) -> Tensor:
        """s, what the last layer of every node asks every layer, before the mean over its graph: [N, L]."""
        layers = as_layers(history, self.in_channels, self.query.weight)
        nodes = torch.arange(layers[0].size(0), device=layers[0].device)
        return self._scores(layers, self._offsets(layers), layers[-1], Segments(nodes, nodes.numel()))

    def _inputs(
        self, history: History, index: Tensor | None, dim_size: int | None, sizes: Sequence[int] | None
    ) -> tuple[list[Tensor], Segments]:
        layers = as_layers(history, self.in_channels, self.query.weight, index)
        if sizes is not None:
            check_sizes(sizes, layers[0].size(0), dim_size)
            dim_size = len(sizes)
        bound = "dim_size" if sizes is None else "len(sizes)"
        segments = resolve(index, None, dim_size, layers[0].size(0), layers[0].device, bound)
        if sizes is not None and self.attention is None:  # which compares them otherwise
            compare_sizes(sizes, segment_count(segments))
        return layers, segments

    def _weights(self) -> list[Tensor]:
        return [linear.weight for linear in cast("list[nn.Linear]", list(self.embed))]

    def _offsets(self, layers: list[Tensor]) -> Tensor:
        """What the projection adds to every layer, b_l + P_l: [L, C]."""
        bias = torch.stack(
            [linear.bias for linear in cast("list[nn.Linear]", list(self.embed))]
        )  # [1 or L, C]
        if not self.pos_enc:
            return bias.expand(len(layers), -1)
        return bias + depth_encoding(len(layers), self.channels, bias)

    def _alpha(self, layers: list[Tensor], offsets: Tensor, last_mean: Tensor, segments: Segments) -> Tensor:
        if self.norm in ("uniform", "last"):
            return normalize_depth(last_mean.new_zeros(segments.size, len(layers)), self.norm)
        return normalize_depth(self._scores(layers, offsets, last_mean, segments), self.norm, self.eps)

    def _scores(self, layers: list[Tensor], offsets: Tensor, last_mean: Tensor, segments: Segments) -> Tensor:
        query, key = (self.query.weight, self.query.bias), (self.key.weight, self.key.bias)
        return depth_scores(layers, self._weights(), offsets, query, key, last_mean, segments)

    def _mixed(self, layers: list[Tensor], last_mean: Tensor, segments: Segments) -> Tensor:
        offsets = self._offsets(layers)
        alpha = self._alpha(layers, offsets, last_mean, segments)
        return mix_layers(layers, self._weights(), offsets, alpha, segments)

    def _attended(self, h: Tensor, segments: Segments, sizes: Sequence[int] | None) -> Tensor:
        z = h if self.attention is None else self.attention(h, segments, sizes=sizes)
        z = z + h if self.residual and self.attention is not None else z
        z = z if self.norm_layer is None else self.norm_layer(z)
        return z if self.feed_forward is None else self.feed_forward(z)

    def extra_repr(self) -> str:
        return f"{self.channels}, norm={self.norm!r}, pos_enc={self.pos_enc}, mix={self.mix!r}"
