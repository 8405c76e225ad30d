"""Message passing layers that hand over every layer's node states."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GCNConv, GINConv, SAGEConv

from gpool.models.batch_norm import SingleRowBatchNorm
from gpool.ops.checks.arguments import check_dropout, check_positive
from gpool.ops.checks.graphs import check_features

__all__ = ["Encoder"]

Conv = Literal["gin", "gcn", "sage", "gat"]
Norm = Literal["batch", "layer"]


def _convolution(conv: Conv, fan_in: int, channels: int) -> nn.Module:
    if conv == "gin":
        update = nn.Sequential(nn.Linear(fan_in, channels), nn.ReLU(), nn.Linear(channels, channels))
        return GINConv(update)
    if conv == "gcn":
        return GCNConv(fan_in, channels)
    if conv == "sage":
        return SAGEConv(fan_in, channels)
    if conv == "gat":
        return GATConv(fan_in, channels)
    raise ValueError(f"conv={conv!r} must be one of 'gin', 'gcn', 'sage', 'gat'")


class Encoder(nn.Module):
    r"""A stack of PyG convolutions that returns its history: the node states after each layer.

    Layer l computes ``x_l = dropout(relu(norm(conv(x_{l-1}))))``, plus ``x_{l-1}`` where ``residual`` is set
    and the widths agree (so from the second layer on).

    Args:
        in_channels: width of the node features.
        hidden_channels: width of every layer.
        num_layers: number of layers, at least 1.
        conv: ``"gin"`` (arXiv:1810.00826), ``"gcn"`` (arXiv:1609.02907), ``"sage"`` (arXiv:1706.02216) or
            ``"gat"`` (arXiv:1710.10903).
        norm: ``"batch"``, ``"layer"`` or None.
        residual: add each layer's input to its output.
        dropout: probability of dropping an entry after each layer.

    Shape:
        - ``x`` [N, in_channels], ``edge_index`` [2, E] -> a list of ``num_layers`` tensors
          [N, hidden_channels].

    Raises:
        ValueError: for an unknown ``conv`` or ``norm``, or ``num_layers`` below 1.

    >>> import torch
    >>> encoder = Encoder(3, hidden_channels=8, num_layers=2)
    >>> history = encoder(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]]))
    >>> [tuple(x.shape) for x in history]
    [(4, 8), (4, 8)]
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 4,
        conv: Conv = "gin",
        norm: Norm | None = "batch",
        residual: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_positive(in_channels=in_channels, hidden_channels=hidden_channels, num_layers=num_layers)
        check_dropout(dropout)
        if norm not in ("batch", "layer", None):
            raise ValueError(f"norm={norm!r} must be 'batch', 'layer' or None")
        if norm == "layer" and hidden_channels < 2:
            raise ValueError(
                f"hidden_channels={hidden_channels} must be at least 2 for norm='layer': "
                f"a layer norm over one channel is constant"
            )
        self.in_channels = in_channels
        self.out_channels = self.hidden_channels = hidden_channels
        self.num_layers = num_layers
        self.conv: Conv = conv
        self.norm: Norm | None = norm
        self.residual = residual
        self.dropout = dropout
        widths = [in_channels] + [hidden_channels] * (num_layers - 1)
        self.convs = nn.ModuleList([_convolution(conv, width, hidden_channels) for width in widths])
        norms = {"batch": SingleRowBatchNorm, "layer": nn.LayerNorm, None: nn.Identity}
        self.norms = nn.ModuleList([norms[norm](hidden_channels) for _ in widths])

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for module in [*self.convs, *self.norms]:
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

    def coarse(self, num_layers: int) -> Encoder:
        """Layers of the same kind for a pooled graph."""
        width = self.hidden_channels
        return Encoder(
            width,
            hidden_channels=width,
            num_layers=num_layers,
            conv=self.conv,
            norm=self.norm,
            residual=self.residual,
            dropout=self.dropout,
        )

    def edges(self, edge_attr: Tensor | None) -> Tensor | None:
        """Edge attributes that a pooling carries to the next level: those given."""
        return edge_attr

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None = None) -> list[Tensor]:
        """Node states after each layer; ``edge_attr`` is accepted and not read by these convolutions."""
        check_features(x, self.in_channels, next(self.parameters(), None))
        return self.layers(x, edge_index)

    def layers(self, x: Tensor, edge_index: Tensor) -> list[Tensor]:
        """Node states after each layer, of an input that is as wide as the first layer takes it."""
        history = []
        for conv, norm in zip(self.convs, self.norms, strict=True):
            out = F.dropout(norm(conv(x, edge_index)).relu(), self.dropout, self.training)
            x = x + out if self.residual and x.size(-1) == out.size(-1) else out
            history.append(x)
        return history

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.hidden_channels}, "
            f"num_layers={self.num_layers}, conv={self.conv!r})"
        )
