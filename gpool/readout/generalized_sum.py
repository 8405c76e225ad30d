"""Generalized sum pooling: nodes near to learned prototypes share a budget of weight."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Linear, Parameter
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_positive, check_type
from gpool.ops.partition.budget_gate import budget_gate
from gpool.ops.precision import widened
from gpool.ops.segment import Segments, segment_count, segment_weighted_sum
from gpool.readout.node_rows import graph_rows, node_rows

__all__ = ["GeneralizedSum"]


class GeneralizedSum(Aggregation):
    r"""Weighted mean of the embedded nodes of every graph, where a share of the nodes gets the weight.

    From "Generalized Sum Pooling for Metric Learning" (Gürbüz, Şener, Alatan, 2023, arXiv:2308.09228),
    whose optimal transport to M prototypes has a closed form up to one number for each graph, the bias b:

    .. math::
        f_i &= W x_i + c, \qquad
        a_i = \log \sum_m \exp\big(-\epsilon\, \| \hat f_i - \hat\omega_m \|^2\big) \\
        w_i &= \sigma(a_i + b_g) / \mu, \qquad b_g \text{ such that } \frac{1}{n_g} \sum_{i \in g} w_i = 1 \\
        y_g &= \frac{1}{n_g} \sum_{i \in g} w_i f_i

    with hats for rows scaled to length 1. The weights lie in [0, 1 / mu]. Unlike a softmax, a large graph can
    give many nodes full weight. :func:`gpool.ops.partition.budget_gate` is the gate.

    Args:
        channels: width C of x.
        out_channels: width of the embedding f and of the output; ``channels`` by default.
        prototypes: number of prototypes M.
        keep: the share mu of the nodes that is kept, in (0, 1]; 1 gives the mean of f.
        sharpness: epsilon. Near 0 the result is the mean of f; a large one selects a share mu of the nodes.
            At 0.1, of the authors' PyTorch code, weights are within 3 % of 1; 5 is that of their first code.

    Shape:
        x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, out_channels].
        With N nodes, B graphs, C channels.

    An empty graph gives zeros; one node gives its f.

    Raises:
        ValueError: an option is out of range, or x has not ``channels`` channels.
        TypeError: x is of another type than the parameters.

    Example:
        >>> x, index = torch.randn(5, 8), torch.tensor([0, 0, 1, 1, 1])
        >>> readout = GeneralizedSum(8, keep=0.5)
        >>> readout(x, index, dim_size=2).shape
        torch.Size([2, 8])
        >>> readout.weights(x, index, dim_size=2)[index == 1].mean().round(decimals=4)
        tensor(1., grad_fn=<RoundBackward1>)
    """

    def __init__(
        self,
        channels: int,
        *,
        out_channels: int | None = None,
        prototypes: int = 64,
        keep: float = 0.3,
        sharpness: float = 5.0,
    ) -> None:
        super().__init__()
        self.channels, self.out_channels = channels, channels if out_channels is None else out_channels
        check_positive(channels=channels, out_channels=self.out_channels, prototypes=prototypes)
        if not 0 < keep <= 1:
            raise ValueError(f"keep={keep} must lie in (0, 1]")
        if not 0 < sharpness < math.inf:
            raise ValueError(f"sharpness={sharpness} must be positive and finite")
        self.keep, self.sharpness, self._init_prototypes = keep, sharpness, prototypes
        self.embed = Linear(channels, self.out_channels)
        self.prototypes = Parameter(torch.empty(prototypes, self.out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the embedding and the prototypes anew."""
        self.embed.reset_parameters()  # the bias: rows of zeros have a direction, too
        torch.nn.init.kaiming_normal_(self.embed.weight, mode="fan_out")
        torch.nn.init.normal_(self.prototypes)

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The pooled graphs [..., B, out_channels]."""
        rows, segments = node_rows(x, self.channels, index, ptr, dim_size, dim)
        f, gate = self._gated(rows, segments)
        share = self.keep * segment_count(segments).clamp(min=1).to(gate.dtype)
        y = segment_weighted_sum(gate.unsqueeze(-1), f, segments).squeeze(1) / share.unsqueeze(-1)
        return graph_rows(y.to(x.dtype), x, dim)

    def weights(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The weights w of the nodes, [..., N] for x [..., N, C]; 1 on average over every graph."""
        rows, segments = node_rows(x, self.channels, index, ptr, dim_size, dim)
        return (self._gated(rows, segments)[1] / self.keep).view(x.movedim(dim, -2).shape[:-1])

    def _gated(self, x: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
        """The embedded nodes and their gates, half types in float32."""
        check_type("x", x, self.prototypes)
        f = widened(F.linear(widened(x), widened(self.embed.weight), widened(self.embed.bias)))
        near = F.normalize(f, dim=-1) @ F.normalize(widened(self.prototypes), dim=-1).t()  # [N, M]
        # The squared distance is 2 - 2 near; the gate does not see the constant.
        score = torch.logsumexp(widened(near) * (2 * self.sharpness), dim=-1)
        return f, budget_gate(score, segments, keep=self.keep)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.channels}, keep={self.keep})"
