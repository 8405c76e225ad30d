"""Graph convolutions of one width with one skip connection around them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

__all__ = ["ResidualGCN"]


class ResidualGCN(nn.Module):
    """LayerNorm(x + GCN(x)), with ReLU and dropout between the ``num_layers`` convolutions of the GCN.

    Without ``plain_last`` they follow the last too. With no layer it is the identity, without a norm.

    The graph network inside a level of "Graph Parsing Networks", Song et al. 2024, arXiv:2402.14393.

    Shape:
        - ``x`` [N, C], ``edge_index`` [2, E], ``edge_weight`` [E] or None -> [N, C].

    >>> import torch
    >>> from gpool.models.residual_gcn import ResidualGCN
    >>> ResidualGCN(4)(torch.zeros(3, 4), torch.tensor([[0, 1], [1, 0]])).shape
    torch.Size([3, 4])
    """

    def __init__(
        self, channels: int, *, num_layers: int = 1, dropout: float = 0.0, plain_last: bool = True
    ) -> None:
        super().__init__()
        self.channels, self.num_layers = channels, num_layers
        if num_layers < 0:
            raise ValueError(f"num_layers={num_layers} must not be negative")
        if channels < 2 and num_layers > 0:
            raise ValueError(
                f"channels={channels} must be at least 2: a layer norm over one channel is constant"
            )
        self.convs = nn.ModuleList(GCNConv(channels, channels) for _ in range(num_layers))
        self.norm = nn.LayerNorm(channels) if num_layers > 0 else None
        self.dropout = nn.Dropout(dropout)
        self.plain_last = plain_last

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for conv in self.convs:
            conv.reset_parameters()  # type: ignore[operator]
        if self.norm is not None:
            self.norm.reset_parameters()

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Node states after the convolutions, [N, C]."""
        if self.norm is None:
            return x
        h = x
        for i, conv in enumerate(self.convs):
            h = conv(h, edge_index, edge_weight)
            if i < len(self.convs) - 1 or not self.plain_last:
                h = self.dropout(h.relu())
        return torch.as_tensor(self.norm(x + h))
