"""Perceptrons of graph parsing: normalized inside, or residual and normalized after."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpool.ops.checks.arguments import check_positive

__all__ = ["MLP", "ResidualMLP"]


class MLP(nn.Sequential):
    """``num_layers`` linear maps in -> hidden -> ... -> out, with norm, ReLU and dropout between them.

    LayerNorm, ReLU and dropout follow all maps but the last. Without ``plain_last`` (and with more than one
    layer) they follow the last too.

    Shape:
        - [..., in_channels] -> [..., out_channels].

    >>> import torch
    >>> from gpool.pooling.layers import MLP
    >>> MLP(4, 8, 2, num_layers=2)(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        *,
        num_layers: int = 2,
        dropout: float = 0.0,
        plain_last: bool = True,
    ) -> None:
        check_positive(num_layers=num_layers)
        if num_layers > 1 and min(hidden_channels, hidden_channels if plain_last else out_channels) < 2:
            raise ValueError(
                f"hidden_channels={hidden_channels}, out_channels={out_channels}, plain_last={plain_last}: "
                f"a layer norm over one channel is constant; layers with a norm need at least 2 channels"
            )
        width = [in_channels, *[hidden_channels] * (num_layers - 1), out_channels]
        parts: list[nn.Module] = []
        for i in range(num_layers):
            parts.append(nn.Linear(width[i], width[i + 1]))
            if i < num_layers - 1 or (not plain_last and num_layers > 1):
                parts += [nn.LayerNorm(width[i + 1]), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        super().__init__(*parts)
        self.in_channels, self.hidden_channels, self.out_channels = in_channels, hidden_channels, out_channels
        self.num_layers, self.dropout, self.plain_last = num_layers, dropout, plain_last

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for part in self:
            if isinstance(part, (nn.Linear, nn.LayerNorm)):
                part.reset_parameters()


class ResidualMLP(nn.Module):
    """LayerNorm(x + MLP(x)) with ``num_layers`` linear maps of one width, ReLU and dropout between them.

    Without ``plain_last`` (and with more than one layer) they follow the last too.

    Shape:
        - [..., channels] -> [..., channels].

    >>> import torch
    >>> from gpool.pooling.layers import ResidualMLP
    >>> ResidualMLP(4)(torch.zeros(3, 4)).shape
    torch.Size([3, 4])
    """

    def __init__(
        self, channels: int, *, num_layers: int = 1, dropout: float = 0.0, plain_last: bool = True
    ) -> None:
        super().__init__()
        if channels < 2:
            raise ValueError(
                f"channels={channels} must be at least 2: a layer norm over one channel is constant"
            )
        check_positive(num_layers=num_layers)
        parts: list[nn.Module] = []
        for i in range(num_layers):
            parts.append(nn.Linear(channels, channels))
            if i < num_layers - 1 or (not plain_last and num_layers > 1):
                parts += [nn.ReLU(inplace=True), nn.Dropout(dropout)]
        self.channels, self.num_layers = channels, num_layers
        self.dropout, self.plain_last = dropout, plain_last
        self.mlp = nn.Sequential(*parts)
        self.norm = nn.LayerNorm(channels)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for part in self.mlp:
            if isinstance(part, nn.Linear):
                part.reset_parameters()
        self.norm.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """LayerNorm(x + MLP(x)), [..., channels]."""
        return torch.as_tensor(self.norm(x + self.mlp(x)))
