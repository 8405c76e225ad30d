"""An encoder of nodes that have no features: a learned vector per node."""

from __future__ import annotations

from torch import Tensor, nn

from gpool.models.encoder import Conv, Encoder, Norm

__all__ = ["EmbeddingEncoder"]


class EmbeddingEncoder(Encoder):
    """:class:`Encoder` on a learned vector per node, for :class:`gpool.data.NodeIds`.

    Args:
        in_channels: number of nodes N.
        hidden_channels: width of the vectors and of every layer.
        num_layers, conv, norm, residual, dropout: see :class:`Encoder`.

    Shape:
        - ids [N, 1], ``edge_index`` [2, E] -> a list of ``num_layers`` tensors [N, hidden_channels].

    >>> import torch
    >>> encoder = EmbeddingEncoder(4, hidden_channels=8, num_layers=1)
    >>> encoder(torch.arange(4).unsqueeze(1), torch.tensor([[0, 1], [1, 0]]))[0].shape
    torch.Size([4, 8])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 2,
        conv: Conv = "gcn",
        norm: Norm | None = None,
        residual: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            hidden_channels,
            hidden_channels,
            num_layers=num_layers,
            conv=conv,
            norm=norm,
            residual=residual,
            dropout=dropout,
        )
        self.in_channels = in_channels
        self.embedding = nn.Embedding(in_channels, hidden_channels)
        nn.init.xavier_uniform_(self.embedding.weight)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        nn.init.xavier_uniform_(self.embedding.weight)

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None = None) -> list[Tensor]:
        """Node states after each layer; ``edge_attr`` is not read."""
        if x.is_floating_point():
            raise ValueError(f"x of {x.dtype} must hold node ids; take features=gpool.data.NodeIds()")
        return self.layers(self.embedding(x.view(-1)), edge_index)
