"""Slot attention: learned slots that compete for the nodes of a graph."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation

from gpool.ops.checks.arguments import check_positive, check_type
from gpool.ops.precision import HALF, widened
from gpool.ops.segment import Segments, segment_count, segment_score, segment_sum, segment_weighted_sum
from gpool.readout.node_rows import graph_rows, node_rows

__all__ = ["Slots"]


class Slots(Aggregation):
    r"""Soft clustering of the nodes of every graph into K slots with learned starts, concatenated.

    From "Object-Centric Learning with Slot Attention" (Locatello et al., 2020, arXiv:2006.15055), T rounds of

    .. math::
        A_{ik} &= \mathrm{softmax}_k\big( \langle W_k \mathrm{LN}(x_i),\ W_q \mathrm{LN}(s_k) \rangle
            / \sqrt{D} \big) + \epsilon, \qquad W_{ik} = A_{ik} \Big/ \sum_{j \in g} A_{jk} \\
        s_k &\leftarrow \mathrm{GRU}\Big( \sum_{i \in g} W_{ik} W_v \mathrm{LN}(x_i),\ s_k \Big), \qquad
        s_k \leftarrow s_k + \mathrm{MLP}(\mathrm{LN}(s_k))

    The softmax is over slots: they compete for nodes. With ``mixture=True`` a slot is a Gaussian with weight
    pi, mean mu and variances v (slot mixture module, Kirilenko et al., 2024, arXiv:2311.04640), its logits

    .. math:: \log \pi_k - \tfrac12 \sum_d (z_{id} - \mu_{kd})^2 / v_{kd} - \tfrac12 \sum_d \log v_{kd},
              \qquad z_i = W_v \mathrm{LN}(x_i)

    The update of s above is that of mu; pi becomes the mean of A over the nodes, v the variance of z under W
    plus ``min_variance``; and an MLP of [mu, log sqrt v] is the output. The slots of the papers are drawn at
    random; here each has its own learned start, so that a graph always gives the same row. Half types are
    computed in float32.

    Args:
        channels: width C of x and of a slot.
        slots: number of slots K.
        steps: number of rounds T.
        hidden: width of the MLP inside; the larger of ``channels`` and 128 by default.
        mixture: whether slots are Gaussians.
        eps: epsilon, which keeps a slot without nodes finite.
        min_variance: lower bound of the variances.

    Shape:
        x [..., N, C], index [N] (any order) or ptr [B + 1] -> [..., B, K C], slot after slot.
        With N nodes, B graphs, C channels.

    An empty graph gives zeros; all slots read the one node of a graph.

    Raises:
        ValueError: an option is out of range, or x has not ``channels`` channels.
        TypeError: x is of another type than the parameters.

    Example:
        >>> x, index = torch.randn(5, 8), torch.tensor([0, 0, 1, 1, 1])
        >>> Slots(8, slots=3)(x, index, dim_size=2).shape
        torch.Size([2, 24])
    """

    def __init__(
        self,
        channels: int,
        *,
        slots: int = 4,
        steps: int = 3,
        hidden: int | None = None,
        mixture: bool = False,
        eps: float = 1e-8,
        min_variance: float = 1e-2,
    ) -> None:
        super().__init__()
        check_positive(channels=channels, slots=slots, steps=steps)
        hidden = max(channels, 128) if hidden is None else hidden
        check_positive(hidden=hidden)
        for name, guard in (("eps", eps), ("min_variance", min_variance)):
            if not 0 < guard < math.inf:
                raise ValueError(f"{name}={guard} must be positive and finite")
        self.channels, self.out_channels, self.slots, self.steps = channels, slots * channels, slots, steps
        self.mixture, self.eps, self.min_variance = mixture, eps, min_variance
        self.hidden = hidden
        self.start = nn.Parameter(torch.empty(slots, channels))
        self.norm_nodes, self.norm_inner = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.value = nn.Linear(channels, channels, bias=False)
        self.update = nn.GRUCell(channels, channels)
        self.inner = _mlp(channels, hidden, channels)
        if mixture:
            self.log_scale = nn.Parameter(torch.empty(slots, channels))
            self.out = _mlp(2 * channels, hidden, channels)
        else:
            self.norm_slots = nn.LayerNorm(channels)
            self.key, self.query = (nn.Linear(channels, channels, bias=False) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for module in self.modules():
            if isinstance(module, (nn.LayerNorm, nn.Linear, nn.GRUCell)):
                module.reset_parameters()
        nn.init.xavier_normal_(self.start)
        if self.mixture:
            nn.init.zeros_(self.log_scale)

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """The slots of the graphs, [..., B, K C]."""
        rows, segments = node_rows(x, self.channels, index, ptr, dim_size, dim)
        check_type("x", x, self.start)
        z = _wide(self.norm_nodes, rows)
        s = widened(self.start).expand(segments.size, -1, -1)  # [B, K, C]
        s = self._mixture(z, s, segments) if self.mixture else self._attention(z, s, segments)
        y = s.flatten(1).masked_fill((segment_count(segments) == 0).unsqueeze(1), 0.0)
        return graph_rows(y.to(x.dtype), x, dim)

    def _attention(self, z: Tensor, s: Tensor, segments: Segments) -> Tensor:
        key, value, scale = _wide(self.key, z), _wide(self.value, z), self.channels**-0.5
        for _ in range(self.steps):
            query = _wide(self.query, _wide(self.norm_slots, s))
            score = segment_score(query, key, segments) * scale
            share, _ = self._shares(score, segments)
            s = self._moved(segment_weighted_sum(share, value, segments), s)
        return s

    def _mixture(self, z: Tensor, s: Tensor, segments: Segments) -> Tensor:
        value = _wide(self.value, z)
        powers = torch.cat([value, value.square()], dim=-1)  # [N, 2 C]
        variance = widened(self.log_scale).mul(2).exp().expand(segments.size, -1, -1) + self.min_variance
        prior = torch.full_like(variance[..., 0], 1 / self.slots)  # [B, K]
        count = segment_count(segments).clamp(min=1).unsqueeze(-1)
        for _ in range(self.steps):
            weight = variance.reciprocal()
            constant = prior.log() - 0.5 * (s.square() * weight + variance.log()).sum(-1)
            score = segment_score(torch.cat([s * weight, -0.5 * weight], dim=-1), powers, segments)
            share, attention = self._shares(score + constant.index_select(0, segments.segment), segments)
            moments = segment_weighted_sum(share, powers, segments)  # [B, K, 2 C]
            first, second = moments.chunk(2, dim=-1)
            variance = (second - first.square()).clamp(min=0) + self.min_variance
            prior = (segment_sum(attention, segments) / count).clamp(min=self.eps)  # of an empty graph: eps
            s = self._moved(first, s)
        return _wide(self.out, torch.cat([s, 0.5 * variance.log()], dim=-1))

    def _shares(self, score: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
        """W and A, both [N, K]; an empty segment has none."""
        attention = score.softmax(-1) + self.eps
        total = segment_sum(attention, segments)
        return attention / total.index_select(0, segments.segment), attention

    def _moved(self, read: Tensor, s: Tensor) -> Tensor:
        s = _wide(self.update, read.flatten(0, 1), s.reshape(-1, self.channels)).view(read.shape)
        return s + _wide(self.inner, _wide(self.norm_inner, s))

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.channels}, slots={self.slots}, mixture={self.mixture})"


def _wide(module: nn.Module, *inputs: Tensor) -> Tensor:
    """``module(*inputs)``, with half types, parameters too, as float32: rounding grows in every round."""
    wide = tuple(widened(v) for v in inputs)
    if not any(v.dtype in HALF for v in module.parameters()):
        return widened(module(*wide))
    parameters = {name: widened(v) for name, v in module.named_parameters()}
    return widened(torch.func.functional_call(module, parameters, wide))


def _mlp(channels: int, hidden: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, out))
