"""Generalized norm-based pooling (Ko et al.): a readout with a learnable norm order and size exponent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import Linear, Parameter
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_channels, check_width, length_along
from gpool.ops.precision import floating
from gpool.ops.segment import Magnitude, Segments, resolve, segment_norm, unseen
from gpool.readout.exponent import exponent_of, raw_of

__all__ = ["GNP"]


class GNP(Aggregation):
    r"""Pools every graph by a norm whose order p and size exponent q are learned.

    From "Learning to Pool in Graph Neural Networks for Extrapolation" (Ko et al., 2021, arXiv:2106.06210):

    .. math:: y_g = n_g^{-q} \Big( \sum_{i \in g} m_i^p \Big)^{1/p}, \qquad m_i = |x_i| + \epsilon

    p = 1 gives the sum (q = 0) and the mean (q = 1), p = 2 the Euclidean norm, large p the maximum, large
    negative p the minimum. The largest (smallest) entry stays outside of the powers, so nothing overflows at
    any magnitude and any p within its bounds.

    Args:
        channels: width of x, with one p and q for each channel. None: one p and q for all, any width.
        p: magnitude of the norm order at the start.
        q: size exponent at the start.
        learn: whether p and q (and the weights of ``mix``) are parameters.
        branch: ``"+"`` for orders p > 0 (sum to maximum), ``"-"`` for -p (parallel sum to minimum), or
            ``"both"`` for one norm of either kind, mixed as ``mix`` says.
        param: the free parameter of p, ``"softplus"`` (p = p_min + softplus) or ``"inverse"`` (1 / p), which
            reaches maximum and minimum in fewer steps.
        mix: with ``branch="both"``: ``"linear"``, a Linear of both norms that starts as their average;
            ``"sum"``, one learned weight for each norm (and channel); ``"concat"``.
        p_min: lower bound of the magnitude; n^(1/p) overflows float32 where p < log(n) / 88.
        p_max: upper bound of the magnitude; at the default a graph of 10,000 nodes is 0.1 % off its maximum.
        eps: what keeps the logarithm of a zero finite. Take 1e-3 for p < 0 where zeros are common.
        eps_mode: ``"add"`` (m + eps) or ``"clamp"`` (max(m, eps), exact above eps, without gradient below).
        negative: what becomes of negative entries: ``"abs"``; ``"relu"``; or ``"split"``, where positive and
            negative parts are pooled separately and subtracted, which is the signed sum (mean) at p = 1. The
            gradient at x = 0 is zero in "abs" and the right-hand one in "relu" and "split".

    Shape:
        - x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, C]; 2 C with ``mix="concat"``.
          With N nodes, B graphs, C channels.

    An empty graph gives zeros (with ``mix="linear"``: its bias, zero at the start); one node its m, |x| + eps
    by default.

    Raises:
        ValueError: an option is unknown, ``p`` is out of its bounds, or x has not ``channels`` channels.

    Example:
        >>> x, index = torch.tensor([[3.0], [4.0], [5.0]]), torch.tensor([0, 0, 1])
        >>> GNP(None, p=2.0, eps=0.0)(x, index).tolist()
        [[5.0], [5.0]]
    """

    def __init__(
        self,
        channels: int | None,
        *,
        p: float = 1.0,
        q: float = 0.0,
        learn: bool = True,
        branch: Literal["+", "-", "both"] = "+",
        param: Literal["softplus", "inverse"] = "softplus",
        mix: Literal["linear", "sum", "concat"] = "linear",
        p_min: float = 0.1,
        p_max: float = 1e4,
        eps: float = 1e-6,
        eps_mode: Literal["add", "clamp"] = "add",
        negative: Literal["abs", "relu", "split"] = "abs",
    ) -> None:
        super().__init__()
        check_channels(channels)
        if branch not in ("+", "-", "both"):
            raise ValueError(f"branch={branch!r} must be '+', '-' or 'both'")
        if mix not in ("linear", "sum", "concat"):
            raise ValueError(f"mix={mix!r} must be 'linear', 'sum' or 'concat'")
        if not 0 <= eps < math.inf or eps_mode not in ("add", "clamp"):
            raise ValueError(f"eps={eps} must not be negative, eps_mode={eps_mode!r} be 'add' or 'clamp'")
        if not math.isfinite(q):
            raise ValueError(f"q={q} must be finite")
        if negative not in ("abs", "relu", "split"):
            raise ValueError(f"negative={negative!r} must be 'abs', 'relu' or 'split'")
        if branch == "both" and mix == "linear" and channels is None:
            raise ValueError("mix='linear' needs channels; give channels or take mix='sum'")
        if learn or param not in ("softplus", "inverse"):
            raw_of(p, param, p_min, p_max)  # the one place that knows the bounds
        elif not 0 < p <= p_max:
            raise ValueError(
                f"p={p} must be positive and not above p_max={p_max}; branch='-' gives orders below 0"
            )
        self.channels, self.p, self.q, self.learn, self.param = channels, p, q, learn, param
        self.branch, self.mix, self.p_min, self.p_max = branch, mix, p_min, p_max
        self.eps, self.eps_mode, self.negative = eps, eps_mode, negative
        self.directions = {"+": (1.0,), "-": (-1.0,), "both": (1.0, -1.0)}[branch]
        both = branch == "both"
        self.out_channels = 2 * channels if channels is not None and both and mix == "concat" else channels
        if learn:
            width = 1 if channels is None else channels
            self.raw_p = Parameter(torch.empty(len(self.directions), width))
            self.raw_q = Parameter(torch.empty(len(self.directions), width))
        self.mixer: Linear | None = None
        self.weight: Parameter | None = None
        if both and mix == "linear" and channels is not None:
            self.mixer = Linear(2 * channels, channels).requires_grad_(learn)
        if both and mix == "sum":
            self.weight = Parameter(torch.empty(2, 1 if channels is None else channels), requires_grad=learn)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Puts p and q back to where they started and the mix to the average of both norms."""
        with torch.no_grad():
            if self.learn:
                self.raw_p.fill_(raw_of(self.p, self.param, self.p_min, self.p_max))
                self.raw_q.fill_(self.q)
            if self.mixer is not None:
                half = 0.5 * torch.eye(self.mixer.out_features)
                self.mixer.weight.copy_(torch.cat([half, half], dim=1))
                self.mixer.bias.zero_()
            if self.weight is not None:
                self.weight.fill_(0.5)

    def exponent_parameters(self) -> Iterator[Parameter]:
        """The parameters of p and q; train them without weight decay, at 3 to 10 times the learning rate."""
        if self.learn:
            yield self.raw_p
            yield self.raw_q

    def exponents(self) -> tuple[list[Tensor | float], list[Tensor | float]]:
        """The orders p, with their sign, and the size exponents q now, one of each for every norm."""
        if not self.learn:
            return [direction * self.p for direction in self.directions], [self.q for _ in self.directions]
        p = exponent_of(self.raw_p, self.param, self.p_min, self.p_max)
        p_rows, q_rows = (v.unbind() if v.size(0) > 1 else (v.squeeze(0),) for v in (p, self.raw_q))
        return [p if s > 0 else -p for s, p in zip(self.directions, p_rows, strict=True)], [*q_rows]

    def _norm(self, x: Tensor, p: Tensor | float, q: Tensor | float, segments: Segments, dim: int) -> Tensor:
        if self.negative != "split":
            m = Magnitude(self.negative, self.eps, self.eps_mode)
            return segment_norm(x, p, q, segments, dim=dim, magnitude=m)
        m = Magnitude("relu", self.eps, self.eps_mode)
        above, below = (segment_norm(v, p, q, segments, dim=dim, magnitude=m) for v in (x, -x))
        return above - below

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
        wide = floating("x", x)  # a sum of half types may exceed them before it is mixed
        norms = [self._norm(wide, p, q, segments, dim) for p, q in zip(*self.exponents(), strict=True)]
        return self._mixed(norms).to(x.dtype)

    def _mixed(self, norms: list[Tensor]) -> Tensor:
        if len(norms) == 1:
            return norms[0]
        if self.weight is not None:
            return self.weight[0] * norms[0] + self.weight[1] * norms[1]
        both = torch.cat(norms, dim=-1)
        return both if self.mixer is None else _linear(self.mixer, both)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(learn={self.learn})"


def _linear(layer: Linear, x: Tensor) -> Tensor:
    """The layer in the wider type of its parameters and ``x``, which may exceed half types."""
    kind = torch.promote_types(x.dtype, layer.weight.dtype)
    if kind == layer.weight.dtype:
        return layer(x.to(kind))
    return torch.nn.functional.linear(x, layer.weight.to(kind), layer.bias.to(kind))
