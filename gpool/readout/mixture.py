"""Convex combinations of readouts: mixed, gated and tree pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Linear, Module, ModuleList, Parameter
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_channels, check_type
from gpool.ops.precision import floating, widened
from gpool.ops.segment import segment_mean

__all__ = ["Mixture"]


class Mixture(Aggregation):
    r"""Learned convex combination of readouts, the same for all graphs or one for each.

    From "Generalizing Pooling Functions in Convolutional Neural Networks: Mixed, Gated, and Tree" (Lee,
    Gallagher, Tu, 2016, arXiv:1509.08985), with graphs for windows and L readouts for maximum and mean:

    .. math:: y_g = \sum_l a_{g,l}\, y_g^{(l)}, \qquad
        a_g = \mathrm{softmax}(\theta) \ \text{(mixed)} \quad \text{or} \quad
        a_g = \mathrm{softmax}\Big(\theta + W \frac{1}{n_g} \sum_{i \in g} x_i\Big) \ \text{(gated)}

    For two readouts the softmax is a logistic of a difference. The window of the paper has positions, which a
    set has not: the gate sees the mean of the nodes in its place. A tree is a mixture of mixtures:

    - mixed: ``Mixture([MaxAggregation(), MeanAggregation()])``
    - gated: ``Mixture([MaxAggregation(), MeanAggregation()], gate="graph", channels=64)``
    - tree: ``Mixture([Mixture([a, b], gate="graph", channels=64), Mixture([c, d], gate="graph",
      channels=64)], gate="graph", channels=64)``

    theta and W start at zero, the average of all readouts.

    Args:
        children: the readouts, which give rows of equal width; any PyG aggregations.
        gate: None, weights for all graphs, or ``"graph"``, weights for each.
        channels: width C of x; ``gate="graph"`` needs it.

    Shape:
        x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, D], D the width of the children.
        With N nodes, B graphs, C channels, L children.

    An empty graph and one node give the combination of what the children give.

    Raises:
        TypeError: a child is no aggregation, or x is of another type than the gate.
        ValueError: there are no children, their widths differ, ``gate`` is unknown or lacks ``channels``, or
            x has not ``channels`` channels.

    Example:
        >>> from torch_geometric.nn.aggr import MaxAggregation, MeanAggregation
        >>> mixed = Mixture([MaxAggregation(), MeanAggregation()])
        >>> mixed(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1])).tolist()
        [[2.5], [5.0]]
    """

    def __init__(
        self,
        children: Sequence[Aggregation],
        *,
        gate: Literal["graph"] | None = None,
        channels: int | None = None,
    ) -> None:
        super().__init__()
        if gate not in (None, "graph"):
            raise ValueError(f"gate={gate!r} must be None or 'graph'")
        check_channels(channels)
        if gate == "graph" and channels is None:
            raise ValueError("gate='graph' needs channels, the width of x")
        if len(children) == 0:
            raise ValueError("children=[] must hold at least one readout")
        for place, child in enumerate(children):
            if not isinstance(child, Aggregation):
                raise TypeError(f"children[{place}] is a {type(child).__name__}; it must be an Aggregation")
        found = (getattr(child, "out_channels", None) for child in children)
        widths = {width for width in found if width is not None}
        if len(widths) > 1:
            raise ValueError(f"children of widths {sorted(widths)} must give rows of one width")
        self.gate, self.channels = gate, channels
        self.out_channels: int | None = widths.pop() if widths else None
        self.readouts = ModuleList(children)
        self.theta = Parameter(torch.empty(len(children)))
        if gate == "graph" and channels is not None:
            self.linear = Linear(channels, len(children), bias=False)
        self.reset_parameters()

    @property
    def _init_children(self) -> list[Module]:
        """The argument ``children``, whose name is that of a method, for :mod:`gpool.training.recipe`."""
        return list(self.readouts)

    def reset_parameters(self) -> None:
        """Put the weights back to the average and reset the children."""
        super().reset_parameters()
        for child in self.readouts:
            child.reset_parameters()  # type: ignore[operator]
        torch.nn.init.zeros_(self.theta)
        if self.gate == "graph":
            torch.nn.init.zeros_(self.linear.weight)

    def weights(
        self,
        x: Tensor | None = None,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The weights a of the children: [L], or with ``gate="graph"`` [..., B, L] for these nodes."""
        theta = widened(self.theta)
        if self.gate is None:
            return theta.softmax(-1)
        if x is None:
            raise ValueError("x=None; with gate='graph' the weights depend on the nodes")
        check_type("x", x, self.linear.weight)
        mean = segment_mean(floating("x", x), index, ptr, dim_size, dim=dim)
        return (theta + F.linear(mean, widened(self.linear.weight))).softmax(-1)

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The pooled graphs [..., B, D]."""
        if self.channels is not None and (x.size(-1) != self.channels or dim in (-1, x.dim() - 1)):
            raise ValueError(
                f"x of shape {tuple(x.shape)}, pooled along dim={dim}, "
                f"must have channels={self.channels} in its last dimension"
            )
        rows = [readout(x, index, ptr=ptr, dim_size=dim_size, dim=dim) for readout in self.readouts]
        first = tuple(rows[0].shape)
        for place, y in enumerate(rows):
            if tuple(y.shape) != first:
                raise ValueError(
                    f"children[{place}] gives {tuple(y.shape)}; it must be {first}, as the first"
                )
        weight = self.weights(x, index, ptr, dim_size, dim).unsqueeze(-1)  # [L, 1] or [..., B, L, 1]
        return (weight * torch.stack(rows, dim=-2)).sum(-2).to(x.dtype)

    def __repr__(self) -> str:
        children = ", ".join(map(repr, self.readouts))
        return f"{self.__class__.__name__}([{children}], gate={self.gate!r})"
