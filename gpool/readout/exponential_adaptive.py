"""Exponential adaptive pooling: two softmax means of every channel, mixed."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import Parameter
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_channels, length_along
from gpool.ops.precision import floating
from gpool.ops.segment import resolve, segment_mean, segment_softmax, segment_sum, unseen

__all__ = ["ExponentialAdaptive"]


class ExponentialAdaptive(Aggregation):
    r"""Mixes two softmax means of every channel: by similarity to the mean, and by size.

    "AdaPool: Exponential Adaptive Pooling for Information-Retaining Downsampling" (Stergiou and Poppe, 2021,
    arXiv:2111.00772), with the nodes of a graph for a window, and its mean m:

    .. math::
        s_i = \frac{2 x_i m_g}{x_i^2 + m_g^2 + \epsilon}, \qquad
        y_g = \sum_{i \in g} \big( \beta\, \mathrm{softmax}_{i \in g}(s_i)
            + (1 - \beta)\, \mathrm{softmax}_{i \in g}(x_i) \big)\, x_i

    s, the Dice coefficient, lies in [-1, 1], so that no weight of the first softmax is more than e^2 times
    another. The second is SoftPool. The weights are convex: y lies between minimum and maximum of the nodes.

    Args:
        channels: width of x, with one beta for each channel. None: one beta for all, any width.
        beta: the share of the first softmax at the start.
        learn: whether beta is a parameter, by its logit; beta must then lie between 0 and 1.
        eps: what keeps s finite at zeros.

    Shape:
        x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, C].
        With N nodes, B graphs, C channels.

    An empty graph gives zeros; one node gives x.

    Raises:
        ValueError: beta or eps is out of range, or x has not ``channels`` channels.

    Example:
        >>> x = torch.tensor([[1.0], [3.0], [5.0]])
        >>> ExponentialAdaptive(1, learn=False)(x, torch.tensor([0, 0, 2])).round(decimals=2).flatten()
        tensor([2.4100, 0.0000, 5.0000])
    """

    def __init__(
        self, channels: int | None, *, beta: float = 0.5, learn: bool = True, eps: float = 1e-7
    ) -> None:
        super().__init__()
        check_channels(channels)
        if not 0 <= beta <= 1 or (learn and beta in (0, 1)):
            must = "lie between 0 and 1" if learn else "lie in [0, 1]"
            raise ValueError(f"beta={beta} must {must} where learn={learn}")
        if not 0 < eps < math.inf:
            raise ValueError(f"eps={eps} must be positive and finite")
        self.channels = self.out_channels = channels
        self.beta, self.learn, self.eps, self.root_eps = beta, learn, eps, math.sqrt(eps)
        if learn:
            self.raw_beta = Parameter(torch.empty(1 if channels is None else channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Puts beta back to where it started."""
        if self.learn:
            torch.nn.init.constant_(self.raw_beta, math.log(self.beta / (1 - self.beta)))

    def share(self) -> Tensor | float:
        """beta now: a number, or one for each channel."""
        return self.raw_beta.sigmoid() if self.learn else self.beta

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The pooled graphs [..., B, C]."""
        if self.channels is not None and (x.size(-1) != self.channels or dim in (-1, x.dim() - 1)):
            raise ValueError(
                f"x of shape {tuple(x.shape)}, pooled along dim={dim}, "
                f"must have channels={self.channels} in its last dimension"
            )
        segments = resolve(index, ptr, dim_size, length_along(x, dim), x.device, look=unseen(x))
        wide, beta = floating("x", x), self.share()
        mean = segment_mean(wide, segments, dim=dim).index_select(dim, segments.segment)
        by_similarity = segment_softmax(self._dice(wide, mean), segments, dim=dim)
        weight = beta * by_similarity + (1 - beta) * segment_softmax(wide, segments, dim=dim)
        return segment_sum(weight * wide, segments, dim=dim).to(x.dtype)

    def _dice(self, x: Tensor, m: Tensor) -> Tensor:
        """s, with x and m divided by the larger of both first, so that no square overflows."""
        size = torch.maximum(x.detach().abs(), m.detach().abs()).clamp(min=self.root_eps)
        a, b = x / size, m / size
        return 2 * a * b / (a * a + b * b + (self.root_eps / size).square())

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(learn={self.learn})"
