"""Batches of target links; the loader's workers extract the enclosing subgraphs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from gpool.data.links.cache import SubgraphCache
from gpool.link.batch import LinkBatch
from gpool.ops.subgraph import enclosing_subgraphs
from gpool.ops.subgraph.adjacency import Adjacency
from gpool.ops.subgraph.distance_labels import drnl

__all__ = ["LinkBatches", "LinkDataset", "Neighborhood", "link_loader"]


@dataclass(frozen=True)
class Neighborhood:
    """Options of the enclosing subgraph that is extracted around a pair.

    Args:
        num_hops: how far from either end.
        cap: at most this many new nodes per hop, drawn with ``seed``; None keeps all.
        labels: label the nodes by their distances to both ends (DRNL).
        seed: of the draw.
        cache: folder to keep the subgraphs of all parts in; None cuts them out anew for every batch.
    """

    num_hops: int = 2
    cap: int | None = None
    labels: bool = False
    seed: int = 0
    cache: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        for name, size in {"num_hops": self.num_hops, "cap": 1 if self.cap is None else self.cap}.items():
            if size < 1:
                raise ValueError(f"{name}={size} must be at least 1")


class LinkDataset(Dataset[LinkBatch]):
    """Target links of one observed graph; indexed by a list of positions, it gives their :class:`LinkBatch`.

    Args:
        observed: the graph that may be seen.
        x: features of its nodes [N, F].
        pairs, y, group: see :class:`LinkBatch`.
        neighborhood: what to cut out around a pair, and the folder of the :class:`SubgraphCache`; None leaves
            the graph whole.
        cached: keep the subgraphs in that folder.
    """

    def __init__(
        self,
        observed: Adjacency,
        x: Tensor,
        pairs: Tensor,
        y: Tensor,
        group: Tensor | None = None,
        neighborhood: Neighborhood | None = None,
        cached: bool = True,
    ) -> None:
        self.observed, self.x, self.pairs, self.y, self.group = observed, x, pairs, y, group
        self.neighborhood = neighborhood
        source = torch.arange(observed.num_nodes).repeat_interleave(observed.degree)
        self.edge_index = torch.stack([source, observed.col])
        n = neighborhood
        self.cache = None
        if cached and n is not None and n.cache is not None:
            self.cache = SubgraphCache(n.cache, observed, pairs, n.num_hops, n.cap, n.seed, n.labels)

    def __len__(self) -> int:
        return self.pairs.size(0)

    def __getitem__(self, index: list[int]) -> LinkBatch:
        """The batch of the pairs at these positions."""
        at = torch.as_tensor(index, dtype=torch.long).view(-1)
        pairs, y = self.pairs[at], self.y[at]
        group = None if self.group is None else self.group[at]
        n = self.neighborhood
        if n is None:
            return LinkBatch(pairs, y, self.x, edge_index=self.edge_index, group=group)
        if self.cache is not None:
            subgraphs, labels = self.cache.select(at)
        else:
            subgraphs = enclosing_subgraphs(self.observed, pairs, n.num_hops, n.cap, n.seed)
            labels = drnl(subgraphs) if n.labels else None
        return LinkBatch(pairs, y, self.x[subgraphs.node], subgraphs, labels, group=group)


class LinkBatches(Sampler[list[int]]):
    """Positions in batches of ``batch_size``; a last one of one link joins the one before (batch norm)."""

    def __init__(self, length: int, batch_size: int, generator: torch.Generator | None = None) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        self.length, self.batch_size, self.generator = length, batch_size, generator

    def __iter__(self) -> Iterator[list[int]]:
        if self.generator is None:
            order = torch.arange(self.length)
        else:
            order = torch.randperm(self.length, generator=self.generator)
        for k in range(len(self)):
            stop = self.length if k == len(self) - 1 else (k + 1) * self.batch_size
            yield order[k * self.batch_size : stop].tolist()

    def __len__(self) -> int:
        full, left = divmod(self.length, self.batch_size)
        return full + (left > 1 or (left == 1 and full == 0))


def link_loader(data: LinkDataset, batch_size: int, shuffle: bool, num_workers: int) -> DataLoader[LinkBatch]:
    """A loader of :class:`LinkBatch`; shuffled by the seed of the run."""
    generator = torch.Generator().manual_seed(torch.initial_seed() % 2**63) if shuffle else None
    return DataLoader(
        data,
        batch_size=None,
        sampler=LinkBatches(len(data), batch_size, generator),
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        generator=torch.Generator(),  # the global one would be drawn from at other times with workers
        collate_fn=_as_it_is,
    )


def _as_it_is(batch: Any) -> Any:
    return batch
