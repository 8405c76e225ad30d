"""Log-mean-exp: a bridge from mean to maximum for features of either sign."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import Parameter
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_channels, check_width, length_along
from gpool.ops.precision import floating
from gpool.ops.segment import resolve, segment_count, segment_logsumexp, unseen
from gpool.ops.segment._rows import along
from gpool.readout.exponent import bounded

__all__ = ["LogMeanExp"]


class LogMeanExp(Aggregation):
    r"""Smoothed maximum of the nodes of every graph, with a learned temperature.

    The smoothed-max pooling of "Provable Multi-instance Deep AUC Maximization with Stochastic Pooling"
    (MIDAM, Zhu et al., 2023, arXiv:2305.08040), per channel of the features:

    .. math:: y_g = \tau \Big( \log \sum_{i \in g} e^{x_i / \tau} - \log n_g \Big)

    It lies between mean (large tau) and maximum (small tau) and follows translations of x.

    Args:
        channels: width of x, with one tau for each channel. None: one tau for all, any width.
        tau: the temperature at the start.
        learn: whether log tau is a parameter.
        normalize: whether log n is subtracted; without it the plain log-sum-exp, which grows with the graph.
        tau_min: lower bound of tau.

    Shape:
        - x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, C].
          With N nodes, B graphs, C channels.

    An empty graph gives zeros; one node gives x.

    Raises:
        ValueError: tau is not above tau_min, or x has not ``channels`` channels.

    Example:
        >>> x = torch.tensor([[1.0], [3.0], [5.0]])
        >>> LogMeanExp(None, tau=0.01, learn=False)(x, torch.tensor([0, 0, 2])).round(decimals=2).flatten()
        tensor([2.9900, 0.0000, 5.0000])
    """

    def __init__(
        self,
        channels: int | None,
        *,
        tau: float = 1.0,
        learn: bool = True,
        normalize: bool = True,
        tau_min: float = 1e-2,
    ) -> None:
        super().__init__()
        if not 0 < tau_min <= tau < math.inf:
            raise ValueError(f"tau={tau} must not be below tau_min={tau_min}, which must be positive")
        check_channels(channels)
        self.tau, self.learn, self.normalize, self.tau_min = tau, learn, normalize, tau_min
        self.raw_min = math.log(tau_min)  # not in forward: compilers know no logarithm of a number
        self.channels = self.out_channels = channels
        if learn:
            self.raw_tau = Parameter(torch.empty(1 if channels is None else channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Puts the temperature back to where it started."""
        if self.learn:
            torch.nn.init.constant_(self.raw_tau, math.log(self.tau))

    def exponent_parameters(self) -> Iterator[Parameter]:
        """The parameter log tau; train it without weight decay, at 3 to 10 times the learning rate."""
        if self.learn:
            yield self.raw_tau

    def temperature(self) -> Tensor | float:
        """tau now: a number, or one for each channel."""
        return bounded(self.raw_tau, self.raw_min, math.inf).exp() if self.learn else self.tau

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The pooled graphs [..., B, C]."""
        check_width(x, self.channels, dim)
        segments = resolve(index, ptr, dim_size, length_along(x, dim), x.device, look=unseen(x))
        wide, tau = floating("x", x), self.temperature()
        y = segment_logsumexp(wide, segments, dim=dim, tau=tau)
        if self.normalize:
            count = segment_count(segments).clamp(min=1).to(wide.dtype)
            y = y - tau * along(count.log(), y, dim)
        return y.to(x.dtype)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(learn={self.learn})"
