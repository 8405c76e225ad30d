"""A graph encoder and a scorer of node pairs: the plain baseline of link prediction."""

from __future__ import annotations

from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.link.pair_scorers import PairScorer
from gpool.models.masked_targets import without_targets

__all__ = ["PairModel"]


class PairModel(nn.Module):
    """``scorer(z_i, z_j)`` with z the last layer of ``encoder`` on the whole observed graph.

    In training the batch's target links are taken out of the graph, so the batch must not hold all of its
    links. Graph auto-encoders (Kipf and Welling, arXiv:1611.07308), which take all links as one batch, leave
    them in: ``mask_targets=False``.

    Args:
        encoder: takes ``(x, edge_index)`` and returns the list of every layer's states.
        scorer: from two [B, C] to logits [B], or [B, 1].
        mask_targets: take the batch's target links out while training.

    Shape:
        - a :class:`LinkBatch` with ``edge_index`` -> [B], logits.

    Raises:
        ValueError: a batch of subgraphs; in training, one that holds every observed link.
    """

    def __init__(self, encoder: nn.Module, scorer: PairScorer, *, mask_targets: bool = True) -> None:
        super().__init__()
        self.mask_targets = mask_targets
        self.encoder = encoder
        self.scorer = scorer

    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits of the pairs, [B]."""
        edges = batch.edge_index
        if edges is None or (self.training and self.mask_targets):
            edges = without_targets(batch, type(self).__name__)
        z = self.encoder(batch.x, edges)[-1]
        score = self.scorer(z[batch.pairs[:, 0]], z[batch.pairs[:, 1]])
        return score.squeeze(-1) if score.dim() == 2 else score
