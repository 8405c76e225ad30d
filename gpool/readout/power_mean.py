"""Generalized mean (GeM) and its grouped form (GGeM): from mean to maximum with learned exponents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import Parameter
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_channels, check_positive, check_width, length_along
from gpool.ops.precision import floating
from gpool.ops.segment import Magnitude, resolve, segment_min, segment_norm, unseen
from gpool.readout.exponent import exponent_of, raw_of

__all__ = ["PowerMean"]


class PowerMean(Aggregation):
    r"""Power mean of the nodes of every graph, with one exponent for each group of channels.

    GeM ("Fine-tuning CNN Image Retrieval with No Human Annotation", Radenović et al., 2018, arXiv:1711.02512)
    for one group; GGeM ("Group Generalized Mean Pooling for Vision Transformer", Ko et al., 2022,
    arXiv:2212.04114) for several:

    .. math:: y_{g,c} = \Big( \frac{1}{n_g} \sum_{i \in g} \max(x_{ic}, \epsilon)^{p_c} \Big)^{1 / p_c}

    PyG's PowerMeanAggregation clamps to [1e-4, 100] before the power and again after the mean of the powers,
    and so returns 4.64 for a constant 10 at p = 3. Here a constant from eps on is its own mean, at every p.

    Args:
        channels: width of x; None: any, with one group.
        groups: groups of adjacent channels that share an exponent; channels of them: one for each channel.
        p: the exponent at the start; 1 is the mean, large p the maximum.
        learn: whether the exponents are parameters.
        param: their free parameter, ``"softplus"`` (p = p_min + softplus) or ``"inverse"`` (1 / p).
        p_min: lower bound of the exponents.
        p_max: upper bound of the exponents.
        eps: lower bound of the entries, below which their gradient is zero.
        negative: what becomes of negative entries: ``"clamp"`` them to eps; ``"shift"`` every graph and
            channel by its minimum and add it back, which makes the mean follow translations of x; or
            ``"error"``, refuse them.

    Shape:
        - x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, C].
          With N nodes, B graphs, C channels.

    An empty graph gives zeros; one node gives max(x, eps) (with "shift": x + eps).

    Raises:
        ValueError: groups do not divide channels, p is out of its bounds, x has not ``channels`` channels, or
            an entry is negative where ``negative="error"`` (on a GPU an asynchronous device assertion).

    Example:
        >>> PowerMean(2, p=3.0)(torch.full((4, 2), 10.0), torch.tensor([0, 0, 0, 1])).round(decimals=4)
        tensor([[10., 10.],
                [10., 10.]], grad_fn=<RoundBackward1>)
    """

    def __init__(
        self,
        channels: int | None,
        *,
        groups: int = 1,
        p: float = 3.0,
        learn: bool = True,
        param: Literal["softplus", "inverse"] = "softplus",
        p_min: float = 0.1,
        p_max: float = 1e4,
        eps: float = 1e-6,
        negative: Literal["clamp", "shift", "error"] = "clamp",
    ) -> None:
        super().__init__()
        check_channels(channels)
        check_positive(groups=groups)
        if (1 if channels is None else channels) % groups:
            raise ValueError(f"groups={groups} must divide channels={channels}")
        if negative not in ("clamp", "shift", "error"):
            raise ValueError(f"negative={negative!r} must be 'clamp', 'shift' or 'error'")
        if not 0 < eps < math.inf:
            raise ValueError(f"eps={eps} must be positive and finite")
        if learn or param not in ("softplus", "inverse"):
            raw_of(p, param, p_min, p_max)  # the one place that knows the bounds
        elif not 0 < p <= p_max:
            raise ValueError(f"p={p} must be positive and not above p_max={p_max}")
        self.channels = self.out_channels = channels
        self.groups, self.p, self.learn, self.param = groups, p, learn, param
        self.p_min, self.p_max, self.eps, self.negative = p_min, p_max, eps, negative
        if learn:
            self.raw_p = Parameter(torch.empty(groups))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Puts the exponents back to where they started."""
        if self.learn:
            torch.nn.init.constant_(self.raw_p, raw_of(self.p, self.param, self.p_min, self.p_max))

    def exponent_parameters(self) -> Iterator[Parameter]:
        """The parameters of p; train them without weight decay, at 3 to 10 times the learning rate."""
        if self.learn:
            yield self.raw_p

    def exponents(self) -> Tensor | float:
        """The exponents p now: a number, or one for each group."""
        return exponent_of(self.raw_p, self.param, self.p_min, self.p_max) if self.learn else self.p

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The pooled graphs [..., B, C]."""
        check_width(x, self.channels, dim, last=self.groups == 1)
        p = self.exponents()
        if isinstance(p, Tensor) and self.groups > 1:
            p = p.repeat_interleave(x.size(-1) // self.groups)  # [C]
        if self.negative == "error":
            _refuse_negative(x)
        segments = resolve(index, ptr, dim_size, length_along(x, dim), x.device, look=unseen(x))
        if self.negative != "shift":
            at_least = Magnitude("relu", self.eps, "clamp")
            return segment_norm(x, p, 1 / p, segments, dim=dim, magnitude=at_least)
        wide = floating("x", x)
        low = segment_min(wide, segments, dim=dim)
        # In float64 on the way back: the minimum's gradient is 1 less a sum over all of its segment.
        above = wide - low.double().index_select(dim, segments.segment).to(wide.dtype)
        # |.| has slope 0 at 0: the minimum stays 0 above itself, wherever it goes. Its weight, huge if p < 1,
        # would be added and subtracted again at the cost of the others' digits.
        y = low + segment_norm(above, p, 1 / p, segments, dim=dim, magnitude=Magnitude("abs", self.eps))
        return y.to(x.dtype)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(learn={self.learn})"


def _refuse_negative(x: Tensor) -> None:
    fine, message = (x >= 0).all(), "x has negative entries; take negative='clamp' or negative='shift'"
    if torch.compiler.is_compiling() or x.device.type != "cpu":
        torch._assert_async(fine, message)
    elif not fine:
        raise ValueError(message)
