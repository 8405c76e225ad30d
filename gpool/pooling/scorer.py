"""Scores of edges from the features of their two ends: one object for each way to compute them."""

from __future__ import annotations

from torch import Tensor, nn

from gpool.ops.blocks import product_map
from gpool.pooling.layers import MLP

__all__ = ["ConcatScorer", "ProductScorer"]


class ProductScorer(nn.Module):
    r"""A perceptron on the product of both ends' features: the same for {u, v} and {v, u}.

    From "Graph Parsing Networks", Song et al. 2024, arXiv:2402.14393: :math:`\mathrm{MLP}(h_u \odot h_v)`.
    Its last layer is a bare linear map: a layer norm over the one score would make all scores equal.

    Shape:
        - ``h`` [N, C], ``u`` and ``v`` int64 [M] -> logits [M].

    >>> import torch
    >>> from gpool.pooling import ProductScorer
    >>> ProductScorer(4)(torch.ones(3, 4), torch.tensor([0, 1]), torch.tensor([1, 2])).shape
    torch.Size([2])
    """

    def __init__(self, channels: int, *, num_layers: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.channels, self.num_layers, self.dropout = channels, num_layers, dropout
        self.mlp = MLP(channels, channels, 1, num_layers=num_layers, dropout=dropout)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.mlp.reset_parameters()

    def forward(self, h: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Logits of the edges (u, v), [M]."""
        return product_map(self.mlp, h, u, v).squeeze(-1)


class ConcatScorer(nn.Module):
    r"""A linear function of both ends' features, which may tell (u, v) from (v, u).

    From "Edge Contraction Pooling for Graph Neural Networks", Diehl 2019, arXiv:1905.10990:
    :math:`w^\top [x_u \,\|\, x_v] + b`, taken as :math:`w_1^\top x_u + w_2^\top x_v + b`, N products instead
    of M.

    Shape:
        - ``h`` [N, C], ``u`` and ``v`` int64 [M] -> logits [M].

    >>> import torch
    >>> from gpool.pooling import ConcatScorer
    >>> ConcatScorer(4)(torch.ones(3, 4), torch.tensor([0, 1]), torch.tensor([1, 2])).shape
    torch.Size([2])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.lin = nn.Linear(2 * channels, 1)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.lin.reset_parameters()

    def forward(self, h: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Logits of the edges (u, v), [M]."""
        both = h @ self.lin.weight.view(2, -1).t()  # [N, 2]
        return both[:, 0].index_select(0, u) + both[:, 1].index_select(0, v) + self.lin.bias
