"""The WalkPool network: enclosing subgraphs of target links -> one logit per link."""

from __future__ import annotations

import itertools

from torch import nn

from gpool.link.walkpool import WalkPool
from gpool.models.batch_norm import SingleRowBatchNorm
from gpool.models.link_model import LinkModel
from gpool.models.node_labels import NodeLabels
from gpool.models.subgraph_encoder import SubgraphEncoder, SubgraphGCN
from gpool.ops.dropout import Dropout

__all__ = ["SubgraphGCN", "WalkClassifier", "WalkPoolNetwork"]


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


class WalkPoolNetwork(LinkModel):
    """The WalkPool network: two graph convolutions on every enclosing subgraph, walk profile, classifier.

    From Pan, Shi, Dokmanic, "Neural Link Prediction with Walk Pooling", ICLR 2022 (arXiv:2110.04375):

        h1 = GCN(x),   h2 = GCN(dropout(relu(h1))),   score = classifier(WalkPool([x || h1 || h2]))

    with x the node features, extended by a learned embedding of the node's label where ``max_label`` is
    given. The convolutions see the target link in every subgraph, whether it is observed or not. It is the
    :class:`LinkModel` of these parts.

    Args:
        in_channels: width F of the node features.
        hidden_channels: width of the convolutions, of the label embedding and of WalkPool's heads.
        heads, walk_length: of :class:`gpool.WalkPool`.
        dropout: after the first convolution, in the attention and before the last linear map.
        max_label: largest DRNL label that has an embedding of its own; larger ones share it. None: no labels.

    Shape:
        - a :class:`LinkBatch` of B links with subgraphs -> [B], logits.

    Raises:
        ValueError: a batch without subgraphs.
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
        labels = None if max_label is None else NodeLabels(hidden_channels, max_label=max_label)
        width = in_channels + (0 if max_label is None else hidden_channels)
        encoder = SubgraphEncoder(width, hidden_channels, dropout=dropout)
        pool = WalkPool(
            width + 2 * hidden_channels,
            hidden_channels=hidden_channels,
            heads=heads,
            walk_length=walk_length,
            dropout=dropout,
        )
        head = WalkClassifier(pool.out_channels, dropout=dropout)
        super().__init__(encoder, pool, head, in_channels=in_channels, labels=labels, target_link=True)
        self.hidden_channels, self.heads, self.walk_length = hidden_channels, heads, walk_length
        self.dropout, self.max_label = dropout, max_label
