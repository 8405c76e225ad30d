"""A graph of similar nodes, built at the readout, and convolutions on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_positive
from gpool.ops.similar_pairs import similar_pairs
from gpool.readout.node_rows import graph_rows, node_rows

__all__ = ["TokenGraph"]


class TokenGraph(Aggregation):
    r"""Convolves the nodes of every graph on the edges between similar ones, then reads all layers out.

    GLOT of "Towards Improved Sentence Representations using Token Graphs" (Mantri et al., 2026,
    arXiv:2603.03389), with graphs for sentences and nodes for tokens:

    .. math::
        E &= \{ (i, j) : g(i) = g(j),\ i \ne j,\ \cos(x_i, x_j) > \tau \} \\
        h^0 &= x, \qquad h^l = \mathrm{ReLU}\big(\mathrm{Conv}_l(h^{l - 1}, E)\big), \qquad
        y_g = \mathrm{readout}_{i \in g}\ [h^0_i \,\|\, \dots \,\|\, h^L_i]

    The authors gate by attention: ``readout=AttentionalAggregation(gate_nn)``. Edges have no gradient, nodes
    do; the released code cuts both off, for frozen language models. Its edges include self-loops; here
    a convolution that wants them adds them itself. The similarities take O(n^2 C) time, in blocks of memory.

    Args:
        channels: width C of x.
        convs: L layers ``conv(x, edge_index)``, such as PyG's, the first of input width C; none for L = 0.
        readout: any PyG aggregation, of the width that ``jump`` gives.
        tau: the threshold; from 1 on there are no edges.
        jump: ``"cat"`` joins x and all layers; ``"max"`` or ``"mean"`` of the L layers, which need one width.

    Shape:
        x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, D], D the width of the readout.
        With N nodes, B graphs, C channels. ``out_channels`` is that of the readout.

    An empty graph gives what ``readout`` gives for one; a graph of one node has no edges.

    Raises:
        ValueError: tau is below -1 or NaN, jump is unknown or has no layers, or x has not ``channels``
            channels.
        TypeError: ``readout`` is no aggregation.

    Example:
        >>> from torch_geometric.nn import GraphConv, MeanAggregation
        >>> layer = TokenGraph(8, convs=[GraphConv(8, 16), GraphConv(16, 16)], readout=MeanAggregation())
        >>> layer(torch.randn(5, 8), torch.tensor([0, 0, 1, 1, 1]), dim_size=2).shape
        torch.Size([2, 40])
    """

    def __init__(
        self,
        channels: int,
        *,
        convs: Sequence[nn.Module],
        readout: Aggregation,
        tau: float = 0.6,
        jump: Literal["cat", "max", "mean"] = "cat",
    ) -> None:
        super().__init__()
        check_positive(channels=channels)
        if not isinstance(readout, Aggregation):
            raise TypeError(f"readout is a {type(readout).__name__}; it must be an Aggregation")
        if not -1 <= tau < math.inf:
            raise ValueError(f"tau={tau} must be a cosine, -1 or more")
        if jump not in ("cat", "max", "mean"):
            raise ValueError(f"jump={jump!r} must be 'cat', 'max' or 'mean'")
        if jump != "cat" and len(convs) == 0:
            raise ValueError(f"jump={jump!r} needs at least one layer in convs")
        self.channels, self.tau, self.jump = channels, tau, jump
        self.convs, self.readout = nn.ModuleList(convs), readout
        self.out_channels: int | None = getattr(readout, "out_channels", None)

    def reset_parameters(self) -> None:
        """Reset the layers and the readout."""
        for module in (*self.convs, self.readout):
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()  # type: ignore[operator]

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The pooled graphs [..., B, D]."""
        h, segments = node_rows(x, self.channels, index, ptr, dim_size, dim)
        layers = [h]
        if len(self.convs) > 0:
            edge_index = similar_pairs(h, segments, above=self.tau)
            for conv in self.convs:
                layers.append(conv(layers[-1], edge_index).relu())
        y = self.readout(self._joined(layers), segments.segment, dim_size=segments.size)
        return graph_rows(y.to(x.dtype), x, dim)

    def _joined(self, layers: list[Tensor]) -> Tensor:
        if self.jump == "cat":
            return torch.cat(layers, dim=-1)
        stack = torch.stack(layers[1:], dim=-1)
        return stack.amax(dim=-1) if self.jump == "max" else stack.mean(dim=-1)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.channels}, tau={self.tau}, readout={self.readout})"
