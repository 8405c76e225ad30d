"""WalkPool: a link, summarized by the walks around it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpool.ops.checks.arguments import check_dropout, check_positive, check_type
from gpool.ops.csr import csr_sample
from gpool.ops.dropout import Dropout
from gpool.ops.precision import widened
from gpool.ops.subgraph.record import EnclosingSubgraphs
from gpool.ops.subgraph.walk_profile import walk_profile

__all__ = ["WalkPool"]


class WalkPool(nn.Module):
    """Walk profile of every target link, with transition probabilities from dot-product attention.

    From Pan, Shi, Dokmanic, "Neural Link Prediction with Walk Pooling", ICLR 2022 (arXiv:2110.04375). Node
    features z become keys and queries, a walker at c steps to its neighbor r with probability

        P[c, r] = softmax over the edges r -> c of  <K_h(z_r), Q_h(z_c)> / sqrt(C)

    with the target link and, from the same logits, without it; the features of walks of 2 .. L + 1 steps are
    those of :func:`gpool.ops.subgraph.walk_profile.walk_profile`, in its order.

    Args:
        channels: width F of the node features.
        hidden_channels: width C of a head's keys and queries.
        heads: attention heads H.
        walk_length: L, the number of walk lengths; the walks take 2 .. L + 1 steps.
        dropout: of the attention's hidden units, in training.

    Shape:
        - **z** [N, F], **subgraphs** of N nodes with B targets: output [B, H (5 L + 1)]; ``out_channels`` is
          that width.

    Every target gives one row, whatever else is in the batch; without any target there is no row. A subgraph
    that is the two ends and their link alone gives zeros without the link; a subgraph of one node cannot be
    made, since a link has two ends.

    Raises:
        ValueError: sizes that are not positive, dropout outside [0, 1), features that are not [N, channels],
            a record that is not sound.
        NotImplementedError: forward-mode derivatives (``torch.func.jvp``).

    >>> import torch
    >>> from gpool.ops.subgraph.record import EnclosingSubgraphs
    >>> edges = torch.tensor([[0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]])
    >>> triangle = EnclosingSubgraphs.from_edges(edges, torch.tensor([False] * 4 + [True] * 2))
    >>> WalkPool(4, hidden_channels=8, heads=2, walk_length=7)(torch.randn(3, 4), triangle).shape
    torch.Size([1, 72])
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden_channels: int = 32,
        heads: int = 2,
        walk_length: int = 7,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_positive(
            channels=channels, hidden_channels=hidden_channels, heads=heads, walk_length=walk_length
        )
        check_dropout(dropout)
        self.channels, self.hidden_channels, self.heads = channels, hidden_channels, heads
        self.walk_length, self.dropout = walk_length, dropout
        self.key = self._perceptron()
        self.query = self._perceptron()

    def _perceptron(self) -> nn.Sequential:
        hidden = self.hidden_channels
        return nn.Sequential(
            nn.Linear(self.channels, hidden),
            nn.LeakyReLU(0.2),
            Dropout(self.dropout),
            nn.Linear(hidden, self.heads * hidden),
        )

    @property
    def out_channels(self) -> int:
        """Width of the features of a link."""
        return self.heads * (5 * self.walk_length + 1)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for module in (*self.key, *self.query):
            if isinstance(module, nn.Linear):
                module.reset_parameters()

    def attention(self, z: Tensor, subgraphs: EnclosingSubgraphs) -> Tensor:
        """The logit of every edge and head, [E, H]; of half types in float32."""
        subgraphs.check()
        nodes = subgraphs.num_nodes
        if z.dim() != 2 or z.shape != (nodes, self.channels):
            raise ValueError(
                f"z of shape {tuple(z.shape)} must be [{nodes}, {self.channels}]: "
                "the subgraphs' nodes, channels"
            )
        check_type("z", z, next(self.parameters()))

        pattern = subgraphs.pattern(self.heads)
        query, key = self._heads(z)
        return csr_sample(pattern, query, key).view(self.heads, -1).t()

    def _heads(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Queries over sqrt(C), and keys, head after head: two [H N, C]; both perceptrons as one product."""
        layers: Any = *self.query, *self.key
        a, activation, dropout, query, b, _, _, key = layers
        weight, bias = torch.cat([a.weight, b.weight]), torch.cat([a.bias, b.bias])
        hidden = dropout(activation(F.linear(z, weight, bias))).split(self.hidden_channels, dim=1)
        scale = self.hidden_channels**-0.5

        def heads_first(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            out = F.linear(x, weight, bias).view(x.size(0), self.heads, -1)
            return widened(out.transpose(0, 1).flatten(0, 1))

        queries = heads_first(hidden[0], query.weight * scale, query.bias * scale)
        return queries, heads_first(hidden[1], key.weight, key.bias)

    def forward(self, z: Tensor, subgraphs: EnclosingSubgraphs) -> Tensor:
        """Walk features of every target link, [B, out_channels]."""
        return walk_profile(self.attention(z, subgraphs), subgraphs, self.walk_length).to(z.dtype)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.channels}, {self.out_channels}, "
            f"hidden_channels={self.hidden_channels}, heads={self.heads}, walk_length={self.walk_length})"
        )
