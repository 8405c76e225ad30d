"""A graph encoder and a scorer of node pairs: the plain baseline of link prediction."""

from __future__ import annotations

from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.link.pair_scorers import PairScorer

__all__ = ["PairModel"]


class PairModel(nn.Module):
    """``scorer(z_i, z_j)`` with z the last layer of ``encoder`` on the whole observed graph.

    In training the graph contains the links that are to be predicted, as is usual for graph auto-encoders
    (Kipf and Welling, arXiv:1611.07308).

    Args:
        encoder: takes ``(x, edge_index)`` and returns the list of every layer's states.
        scorer: from two [B, C] to logits [B], or [B, 1].

    Shape:
        - a :class:`LinkBatch` with ``edge_index`` -> [B], logits.

    Raises:
        ValueError: a batch of subgraphs.
    """

    def __init__(self, encoder: nn.Module, scorer: PairScorer) -> None:
        super().__init__()
        self.encoder = encoder
        self.scorer = scorer

    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits of the pairs, [B]."""
        if batch.edge_index is None:
            raise ValueError(
                "batch has no edge_index; PairModel reads the whole graph (Links(neighborhood=None))"
            )
        z = self.encoder(batch.x, batch.edge_index)[-1]
        score = self.scorer(z[batch.pairs[:, 0]], z[batch.pairs[:, 1]])
        return score.squeeze(-1) if score.dim() == 2 else score
