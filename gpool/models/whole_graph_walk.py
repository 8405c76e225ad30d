"""A trained walk model as a scorer that reads the whole graph once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.link.walk_features import WalkProfile
from gpool.link.walkpool import WalkPool
from gpool.link.whole_walk import WholeWalk
from gpool.models.boosted_links import BoostedLinks
from gpool.models.link_model import LinkModel

__all__ = ["WholeGraphWalk"]


class WholeGraphWalk(nn.Module):
    """Scores pairs that are not linked by walks over the whole graph, shared by all pairs; it is not trained.

    The logits are those of ``model`` for subgraphs of so many hops that they are the whole graph; a model
    that was trained on smaller ones scores a little differently. For ranking a graph of some 5,000 nodes at
    most: ``LinkTask(WholeGraphWalk(model)).predict(Links(..., neighborhood=None), top=20)``.

    Args:
        model: a :class:`LinkModel` of a :class:`gpool.WalkPool` whose encoder does not see the target link
            (``target_link=False``), without labels; or :class:`BoostedLinks` of
            :class:`gpool.link.WalkProfile`.

    Shape:
        - a :class:`LinkBatch` with ``edge_index``, whose pairs are not linked -> [B], logits.

    Raises:
        ValueError: another model; a batch without ``edge_index``; while training.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        trees = isinstance(model, BoostedLinks) and isinstance(model.features, WalkProfile)
        walks = isinstance(model, LinkModel) and isinstance(model.pool, (WalkPool, WalkProfile))
        if not trees and not walks:
            raise ValueError(f"model={type(model).__name__} must be a LinkModel or BoostedLinks of walks")
        if isinstance(model, LinkModel) and (model.labels is not None or model.target_link):
            raise ValueError(
                "model must have labels=None and target_link=False: they differ from pair to pair"
            )
        self.model = model
        self._walk: tuple[Tensor, Tensor, WholeWalk, Tensor | None] | None = None

    def train(self, mode: bool = True) -> WholeGraphWalk:
        """Forget the walk, too: the parameters may change."""
        self._walk = None
        return super().train(mode)

    @torch.no_grad()
    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits of the pairs, [B]."""
        if batch.edge_index is None:
            raise ValueError("batch has no edge_index; WholeGraphWalk reads the graph (neighborhood=None)")
        if self.training:
            raise ValueError("WholeGraphWalk is not trained; train its model, and call eval()")
        if self._walk is None or self._walk[0] is not batch.edge_index or self._walk[1] is not batch.x:
            self._walk = (batch.edge_index, batch.x, *self._walked(batch.x, batch.edge_index))
        _, _, walk, sides = self._walk
        i, j = batch.pairs.t()
        ends = torch.stack([i, j], dim=1)
        logits = walk.total.new_zeros(i.numel(), 2, walk.total.size(1))
        if sides is not None:
            query, key = sides
            logits = (query[ends] * key[ends.flip(1)]).sum(-1)
        found = walk.profile(batch.pairs, logits)
        if isinstance(self.model, BoostedLinks):
            return self.model.forest(found)
        assert isinstance(self.model, LinkModel)
        return self.model.head(found).squeeze(-1)

    def _walked(self, x: Tensor, edge_index: Tensor) -> tuple[WholeWalk, Tensor | None]:
        """The walk, and query and key of every node and head, [2, N, H, C]; None for uniform weights."""
        model, source, destination = self.model, edge_index[0], edge_index[1]
        pool = model.features if isinstance(model, BoostedLinks) else model.pool
        if not isinstance(pool, WalkPool):
            zeros = torch.zeros(source.numel(), 1, device=edge_index.device)
            return WholeWalk(zeros, edge_index, x.size(0), pool.walk_length), None  # type: ignore[union-attr, arg-type]
        assert isinstance(model, LinkModel)
        h = model.features(x)
        z = torch.cat([h, *model.encoder(h, edge_index)], dim=1)
        shape = z.size(0), pool.heads, pool.hidden_channels
        query = pool.query(z).view(shape) * pool.hidden_channels**-0.5
        sides = torch.stack([query, pool.key(z).view(shape)])
        logits = (sides[0][destination] * sides[1][source]).sum(-1)
        return WholeWalk(logits, edge_index, x.size(0), pool.walk_length), sides
