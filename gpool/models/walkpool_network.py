"""The WalkPool network: enclosing subgraphs of target links -> one logit per link."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.link.walkpool import WalkPool
from gpool.models.batch_norm import SingleRowBatchNorm
from gpool.ops.csr import csr_matmul
from gpool.ops.dropout import Dropout
from gpool.ops.precision import widened
from gpool.ops.subgraph.record import EnclosingSubgraphs

__all__ = ["SubgraphGCN", "WalkClassifier", "WalkPoolNetwork"]


class SubgraphGCN(nn.Module):
    """A graph convolution of Kipf and Welling (arXiv:1609.02907) on enclosing subgraphs, by a sparse product.

        x_v' = b + sum over edges u -> v and u = v of  W x_u / sqrt(d_u d_v),   d = 1 + edges that end there

    Equal to ``torch_geometric.nn.GCNConv`` on ``subgraphs.edge_index``, target link included; it keeps no [E,
    C] tensor.

    Shape:
        - **x** [N, in_channels] -> [N, out_channels]. A node without an edge keeps W x + b.

    >>> import torch
    >>> edges = torch.tensor([[0, 1], [1, 0]])
    >>> pair = EnclosingSubgraphs.from_edges(edges, torch.tensor([True, True]))
    >>> SubgraphGCN(3, 5)(torch.rand(2, 3), pair).shape
    torch.Size([2, 5])
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels, bias=False)
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot weights, zero bias."""
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, subgraphs: EnclosingSubgraphs) -> Tensor:
        """Node states after the convolution, [N, out_channels]."""
        pattern, wide = subgraphs.pattern(1), widened(self.linear(x))
        scale = (subgraphs.rowptr.diff() + 1).to(wide.dtype).rsqrt().unsqueeze(-1)  # [N, 1]
        wide = wide * scale
        ones = wide.new_ones(subgraphs.num_edges)
        return ((csr_matmul(pattern, ones, wide) + wide) * scale + self.bias).to(x.dtype)


class WalkClassifier(nn.Sequential):
    """The published classifier of walk profiles: batch norm, then layers of 20, 20, 10 and 1 times the width.

    Shape:
        - [B, channels] -> [B, 1], a logit. In training a single link is normalized by the running statistics.
    """

    def __init__(self, channels: int, *, dropout: float = 0.5) -> None:
        widths = [channels, 20 * channels, 20 * channels, 10 * channels, channels]
        layers: list[nn.Module] = [SingleRowBatchNorm(channels)]
        for fan_in, fan_out in itertools.pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        super().__init__(*layers, Dropout(dropout), nn.Linear(channels, 1))


class WalkPoolNetwork(nn.Module):
    """The WalkPool network: two graph convolutions on every enclosing subgraph, walk profile, classifier.

    From Pan, Shi, Dokmanic, "Neural Link Prediction with Walk Pooling", ICLR 2022 (arXiv:2110.04375):

        h1 = GCN(x),   h2 = GCN(dropout(relu(h1))),   score = classifier(WalkPool([x || h1 || h2]))

    with x the node features, extended by a learned embedding of the node's label where ``max_label`` is
    given. The convolutions see the target link in every subgraph, whether it is observed or not.

    Args:
        in_channels: width F of the node features.
        hidden_channels: width of the convolutions, of the label embedding and of WalkPool's heads.
        heads, walk_length: of :class:`gpool.WalkPool`.
        dropout: after the first convolution, in the attention and before the last linear map.
        max_label: largest node label that has an embedding of its own; larger ones share it. None: no labels.

    Shape:
        - a :class:`LinkBatch` of B links with subgraphs -> [B], logits.

    Raises:
        ValueError: a batch without subgraphs, or without labels where ``max_label`` is given.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 32,
        *,
        heads: int = 2,
        walk_length: int = 7,
        dropout: float = 0.5,
        max_label: int | None = None,
    ) -> None:
        super().__init__()
        if max_label is not None and max_label < 1:
            raise ValueError(f"max_label={max_label} must be at least 1, or None for no labels")
        self.in_channels, self.hidden_channels = in_channels, hidden_channels
        self.heads, self.walk_length, self.max_label = heads, walk_length, max_label
        self.embedding = None if max_label is None else nn.Embedding(max_label + 1, hidden_channels)
        width = in_channels + (0 if max_label is None else hidden_channels)
        self.first = SubgraphGCN(width, hidden_channels)
        self.second = SubgraphGCN(hidden_channels, hidden_channels)
        self.dropout = Dropout(dropout)
        self.pool = WalkPool(
            width + 2 * hidden_channels,
            hidden_channels=hidden_channels,
            heads=heads,
            walk_length=walk_length,
            dropout=dropout,
        )
        self.classifier = WalkClassifier(self.pool.out_channels, dropout=dropout)

    @property
    def needs_labels(self) -> bool:
        """Whether a batch must bring node labels."""
        return self.embedding is not None

    def encode(self, batch: LinkBatch) -> Tensor:
        """The node states that WalkPool reads, [N, channels]."""
        if batch.subgraphs is None:
            raise ValueError(
                "batch has no subgraphs; WalkPoolNetwork reads the enclosing subgraph of every pair"
            )
        x = batch.x
        if self.embedding is not None:
            if batch.labels is None:
                raise ValueError(
                    f"batch has no labels; max_label={self.max_label} needs them (Links(labels=True))"
                )
            x = torch.cat([x, self.embedding(batch.labels.clamp(max=self.max_label))], dim=1)
        h1 = self.first(x, batch.subgraphs)
        h2 = self.second(self.dropout(h1.relu()), batch.subgraphs)
        return torch.cat([x, h1, h2], dim=1)

    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits of the target links, [B]."""
        z = self.encode(batch)
        assert batch.subgraphs is not None
        return self.classifier(self.pool(z, batch.subgraphs)).squeeze(-1)
