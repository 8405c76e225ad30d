"""LayerResampler: every layer pooled, then attention over layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpool.history.base import History, HistoryReadout, as_layers
from gpool.ops.checks.arguments import check_count, check_dropout, check_heads, check_positive
from gpool.ops.segment import resolve, segment_count, segment_mean

__all__ = ["LayerResampler"]


class LayerResampler(HistoryReadout):
    r"""Readout over every layer's node states: the mean of each layer, then learned queries over the layers.

    Multi-layer trainable pooling of "Pooling And Attention: What Are Effective Designs For LLM-Based
    Embedding Models?" (Tang and Yang 2024, arXiv:2409.02727), with graphs for sentences:

    .. math::
        m_{g,l} &= \frac{1}{n_g} \sum_{v \in g} W_l X_{l,v} + e_l \\
        Z_g &= R + \mathrm{MHA}(\mathrm{LN}(R);\ \mathrm{LN}(m_g)), \qquad
        Z_g \leftarrow Z_g + \mathrm{FFN}(\mathrm{LN}(Z_g)) \\
        Y_g &= \frac{\bar Z_g}{\lVert \bar Z_g \rVert}, \qquad \bar Z_g = \text{mean of the rows of } Z_g

    with R the r latents, e_l a learned embedding of the depth, and a gated (GEGLU) feed-forward block. W_l is
    there only where a layer's width differs from C. Nodes do not see each other; the cost is one pass over
    the history plus O(B L C).

    Args:
        channels: width C inside and of the output.
        num_layers: number of layers L; the embeddings of the depth need it. May be missing when
            ``in_channels`` lists the layers.
        latents: number of learned queries r.
        heads: heads of the attention over layers.
        in_channels: width of the layers: ``None`` for ``channels``, one integer, or one integer per layer.
        residual: the latents and the feed-forward block's input are added back, as above; without it
            Z = FFN(LN(MHA)), or MHA alone when ``feed_forward=0``.
        feed_forward: width of the feed-forward block in units of C; 0 leaves it out.
        normalize: scale Y to length 1.
        dropout: probability with which an attention weight over layers is dropped in training.

    Shape:
        - history: L tensors [N, C_l] or one [N, L, C_in]; index: [N], any order; output: [B, C].
        - An empty graph gives zeros; a one-node graph is its own mean.

    Raises:
        ValueError: for options out of range, and for a history whose shape does not fit.

    Example:
        >>> readout = LayerResampler(8, num_layers=3, latents=2, heads=2)
        >>> history = [torch.randn(5, 8) for _ in range(3)]
        >>> readout(history, torch.tensor([0, 0, 1, 1, 1]), dim_size=2).norm(dim=-1)
        tensor([1.0000, 1.0000], grad_fn=...)
    """

    def __init__(
        self,
        channels: int,
        *,
        num_layers: int | None = None,
        latents: int = 4,
        heads: int = 4,
        in_channels: int | Sequence[int] | None = None,
        residual: bool = True,
        feed_forward: int = 4,
        normalize: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_heads(channels, heads)
        check_positive(latents=latents)
        check_count("feed_forward", feed_forward)
        check_dropout(dropout)
        self.channels = self.out_channels = channels
        self.in_channels = _widths(in_channels, channels, num_layers)
        self.num_layers, self.latents, self.heads = len(self.in_channels), latents, heads
        self.residual, self.normalize, self.dropout = residual, normalize, dropout
        self._init_feed_forward = feed_forward
        self.project = nn.ModuleList(
            nn.Identity() if width == channels else nn.Linear(width, channels) for width in self.in_channels
        )
        self.depth = nn.Parameter(torch.empty(self.num_layers, channels))
        self.latent = nn.Parameter(torch.empty(latents, channels))
        self.norm_latent, self.norm_layers = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, heads, dropout=dropout, batch_first=True)
        self.feed_forward = _GatedFeedForward(channels, feed_forward * channels) if feed_forward else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        nn.init.normal_(self.depth, std=0.02)
        nn.init.normal_(self.latent, std=0.02)
        self.attention._reset_parameters()
        self.attention.out_proj.reset_parameters()
        nn.init.zeros_(self.attention.out_proj.bias)
        for module in (*self.project, self.norm_latent, self.norm_layers, self.feed_forward):
            if module is not None and not isinstance(module, nn.Identity):
                module.reset_parameters()

    def forward(self, history: History, index: Tensor | None = None, dim_size: int | None = None) -> Tensor:
        """One vector per graph, [B, C]."""
        layers = as_layers(history, self.in_channels, self.depth, index)
        segments = resolve(index, None, dim_size, layers[0].size(0), layers[0].device)
        means = [segment_mean(x, segments) for x in layers]  # L x [B, C_l]
        m = torch.stack([f(x) for f, x in zip(self.project, means, strict=True)], dim=1)  # [B, L, C]
        z = self._resample(m + self.depth).mean(dim=1)  # [B, C]
        y = F.normalize(z, dim=-1) if self.normalize else z
        return y.masked_fill(segment_count(segments)[:, None] == 0, 0.0)

    def _resample(self, m: Tensor) -> Tensor:
        """The latents after they have read the layers: [B, L, C] -> [B, r, C]."""
        keys = self.norm_layers(m)
        query = self.norm_latent(self.latent).expand(m.size(0), -1, -1)
        z, _ = self.attention(query, keys, keys, need_weights=False)
        if self.residual:
            z = z + self.latent
        if self.feed_forward is None:
            return z
        return z + self.feed_forward(z) if self.residual else self.feed_forward(z)

    def extra_repr(self) -> str:
        return (
            f"{self.channels}, num_layers={self.num_layers}, latents={self.latents}, residual={self.residual}"
        )


class _GatedFeedForward(nn.Module):
    """W_2 (a * gelu(b)) of [a; b] = W_1 LN(x) (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.inner = nn.Linear(channels, 2 * hidden)
        self.outer = nn.Linear(hidden, channels)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for module in (self.norm, self.inner, self.outer):
            module.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, of the shape of ``x``."""
        a, gate = self.inner(self.norm(x)).chunk(2, dim=-1)
        return self.outer(a * F.gelu(gate))


def _widths(in_channels: int | Sequence[int] | None, channels: int, num_layers: int | None) -> list[int]:
    if in_channels is not None and not isinstance(in_channels, int):
        if num_layers not in (None, len(in_channels)):
            raise ValueError(f"num_layers={num_layers}, but in_channels lists {len(in_channels)} layers")
        for width in in_channels:
            check_positive(in_channels=width)
        return list(in_channels)
    if num_layers is None:
        raise ValueError("num_layers=None must be at least 1, or in_channels must list the layers")
    width = channels if in_channels is None else in_channels
    check_positive(num_layers=num_layers, in_channels=width)
    return [width] * num_layers
