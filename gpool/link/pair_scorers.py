"""Scorers of node pairs: dot product, perceptron, low-rank bilinear."""

from __future__ import annotations

import itertools
from typing import Protocol

import torch
from torch import Tensor, nn

from gpool.ops.checks.arguments import check_positive

__all__ = ["DotProduct", "LowRankBilinear", "MLPScorer", "PairScorer"]


class PairScorer(Protocol):
    """From the states of both ends, two [B, C], to a logit [B]."""

    def __call__(self, left: Tensor, right: Tensor) -> Tensor: ...


class DotProduct(nn.Module):
    """<left, right>: two [B, C] -> [B]. Symmetric; no parameters.

    >>> import torch
    >>> DotProduct()(torch.ones(2, 3), torch.ones(2, 3)).tolist()
    [3.0, 3.0]
    """

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Logits of the pairs, [B]."""
        return (left * right).sum(-1)


class MLPScorer(nn.Module):
    """A perceptron of left * right, entry by entry: two [B, C] -> [B]. Symmetric.

    Args:
        channels: width C.
        hidden_channels: width of the hidden layers.
        num_layers: linear maps, at least 1.
        dropout: after every hidden layer.

    >>> import torch
    >>> MLPScorer(3)(torch.ones(2, 3), torch.ones(2, 3)).shape
    torch.Size([2])
    """

    def __init__(
        self, channels: int, *, hidden_channels: int = 64, num_layers: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.channels, self.hidden_channels = channels, hidden_channels
        self.num_layers, self.dropout = num_layers, dropout
        check_positive(num_layers=num_layers)
        widths = [channels] + [hidden_channels] * (num_layers - 1)
        layers: list[nn.Module] = []
        for fan_in, fan_out in itertools.pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Logits of the pairs."""
        return self.layers(left * right).squeeze(-1)


class LowRankBilinear(nn.Module):
    """Fuses two vectors by factorized bilinear pooling: [B, left], [B, right] -> [B, out].

    The pair-fusion core of LowFER (Amin et al., "LowFER: Low-rank Bilinear Pooling for Link Prediction", ICML
    2020, arXiv:2008.10858), with factors U [left, out k] and V [right, out k]:

        f_o = sum over the k entries of block o of  (U^T a) * (V^T b),

    a bilinear map whose core tensor sum_j U[s, (o, j)] V[r, (o, j)] has rank at most k in every slice o. With
    ``normalize`` the vector is then f <- sign(f) sqrt(|f| + eps) and f <- f / |f|. With ``out`` = 1 the map
    scores pairs; it is not symmetric unless U = V.

    Args:
        left, right: widths of the two vectors.
        out: width of the fused vector.
        rank: k.
        normalize: signed square root and unit length.
        eps: added under the square root, whose slope is infinite at 0, and to the squared length.

    >>> import torch
    >>> LowRankBilinear(4, 3, out=5, rank=2)(torch.rand(7, 4), torch.rand(7, 3)).shape
    torch.Size([7, 5])
    """

    def __init__(
        self,
        left: int,
        right: int,
        *,
        out: int = 1,
        rank: int = 30,
        normalize: bool = False,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        check_positive(left=left, right=right, out=out, rank=rank)
        self.left, self.right, self.out, self.rank = left, right, out, rank
        self.normalize, self.eps = normalize, eps
        self.u = nn.Parameter(torch.empty(left, out * rank))
        self.v = nn.Parameter(torch.empty(right, out * rank))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        nn.init.xavier_normal_(self.u)
        nn.init.xavier_normal_(self.v)

    def fuse(self, left: Tensor, right: Tensor) -> Tensor:
        """The fused vectors [B, out]."""
        f = ((left @ self.u) * (right @ self.v)).unflatten(-1, (self.out, self.rank)).sum(-1)
        if self.normalize:
            f = f.sign() * (f.abs() + self.eps).sqrt()
            f = f / (f.square().sum(-1, keepdim=True) + self.eps).sqrt()
        return f

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Scores of the pairs."""
        return self.fuse(left, right)

    def __repr__(self) -> str:
        sizes = f"{self.left}, {self.right}, out={self.out}, rank={self.rank}"
        return f"{type(self).__name__}({sizes}, normalize={self.normalize})"
