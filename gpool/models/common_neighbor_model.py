"""NCN: the states of both ends and of their common neighbors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.models.graph import MLPHead
from gpool.models.masked_targets import without_targets
from gpool.ops.common_neighbors import common_neighbors
from gpool.ops.segment import segment_sum
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["CommonNeighborModel"]


class CommonNeighborModel(nn.Module):
    """NCN: ``head([z_i * z_j || sum of z_u over the common neighbors u of i and j])``.

    From Wang, Yang, Zhang, "Neural Common Neighbor with Completion for Link Prediction", ICLR 2024
    (arXiv:2302.00890), without the completion of its second model (NCNC). z is the last layer of ``encoder``
    on the whole observed graph. In training the batch's target links are taken out of the graph, for the
    encoder and for the common neighbors.

    Args:
        encoder: takes ``(x, edge_index)``, returns every layer's states and has ``out_channels``, such as
            :class:`Encoder`, or :class:`EmbeddingEncoder` for nodes without features.
        head: from [B, 2 C] to logits [B, 1]; None makes an :class:`MLPHead`.
        dropout: of the default head.
        mask_targets: take the batch's target links out while training.

    Shape:
        - a :class:`LinkBatch` with ``edge_index`` -> [B], logits.

    A pair without common neighbors has a sum of zeros.

    Raises:
        ValueError: a batch of subgraphs; in training, one that holds every observed link.

    >>> from gpool.data import Links
    >>> from gpool.models import Encoder
    >>> data = Links(neighborhood=None, batch_size=8)
    >>> model = CommonNeighborModel(Encoder(data.num_features, hidden_channels=8))
    >>> model(next(iter(data.val_dataloader()))).shape
    torch.Size([8])
    """

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module | None = None,
        *,
        dropout: float = 0.0,
        mask_targets: bool = True,
    ) -> None:
        super().__init__()
        self.encoder, self.dropout, self.mask_targets = encoder, dropout, mask_targets
        width = encoder.out_channels
        if not isinstance(width, int):
            raise ValueError(f"encoder.out_channels={width} must be an integer")
        self.head = MLPHead(2 * width, width, 1, dropout=dropout) if head is None else head

    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits of the pairs, [B]."""
        edges = batch.edge_index
        if edges is None or (self.training and self.mask_targets):
            edges = without_targets(batch, type(self).__name__)
        z = self.encoder(batch.x, edges)[-1]
        graph = Adjacency.from_edges(edges, batch.x.size(0))
        node, pair = common_neighbors(graph.rowptr, graph.col, batch.pairs)
        shared = segment_sum(z[node], pair, dim_size=batch.num_links)
        i, j = batch.pairs.t()
        return self.head(torch.cat([z[i] * z[j], shared], dim=1)).squeeze(-1)
