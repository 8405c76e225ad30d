"""Training negatives that are drawn anew for every epoch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gpool.data.links.loader import LinkBatches, LinkDataset, Neighborhood, _as_it_is
from gpool.data.links.negatives import non_links
from gpool.data.links.split import LinkSplit
from gpool.link.batch import LinkBatch
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["EpochBatches", "FreshDataset", "fresh_loader"]


class FreshDataset(LinkDataset):
    """The training links, and in every epoch other negatives, as many as the split has.

    They depend on the seed and the epoch alone, not on the worker, and are no link of the graph or of any
    part and no negative of the other parts. Position p of epoch e has the index e * len(self) + p. Subgraphs
    are cut out anew: no cache holds them.
    """

    def __init__(
        self,
        observed: Adjacency,
        x: Tensor,
        split: LinkSplit,
        links: Tensor,
        seed: int = 0,
        neighborhood: Neighborhood | None = None,
    ) -> None:
        positives, count = split.train_pos, split.train_neg.size(0)
        y = torch.cat([torch.ones(positives.size(0)), torch.zeros(count)])
        pairs = torch.cat([positives, split.train_neg])
        super().__init__(observed, x, pairs, y, None, neighborhood, cached=False)
        self.positives, self.count, self.seed = positives, count, seed
        held = [part for name, part in split.parts().items() if name != "train_neg"]
        self.taken = torch.cat([links, *held])
        self.epoch = -1

    def negatives(self, epoch: int) -> Tensor:
        """The negatives of an epoch, [M, 2]."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        return non_links(self.taken, self.observed.num_nodes, self.count, generator)

    def __getitem__(self, index: list[int]) -> LinkBatch:
        """The batch of the pairs at these indices, which are of one epoch."""
        epoch = index[0] // len(self) if index else max(self.epoch, 0)
        if epoch != self.epoch:
            self.pairs, self.epoch = torch.cat([self.positives, self.negatives(epoch)]), epoch
        return super().__getitem__([k % len(self) for k in index])


class EpochBatches(LinkBatches):
    """The indices of one epoch after another; Lightning says which, else they are counted from 0."""

    epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Go on with this epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        shift, self.epoch = self.epoch * self.length, self.epoch + 1
        for batch in super().__iter__():
            yield [k + shift for k in batch]


def fresh_loader(data: FreshDataset, batch_size: int, num_workers: int) -> DataLoader[LinkBatch]:
    """A loader of :class:`LinkBatch`, shuffled by the seed of the run."""
    generator = torch.Generator().manual_seed(torch.initial_seed() % 2**63)
    return DataLoader(
        data,
        batch_size=None,
        sampler=EpochBatches(len(data), batch_size, generator),
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        generator=torch.Generator(),
        collate_fn=_as_it_is,
    )
