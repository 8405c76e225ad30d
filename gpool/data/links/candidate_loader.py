"""Batches of pairs to predict, made while they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from gpool.data.links.candidates import Candidates
from gpool.data.links.graph import LinkGraph
from gpool.data.links.loader import LinkDataset, Neighborhood, _as_it_is
from gpool.link.batch import LinkBatch
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["CandidateDataset", "candidate_loader"]

WHOLE = 1 << 16  # pairs at once where the model reads the whole graph, once for every batch


class CandidateDataset(IterableDataset[LinkBatch]):
    """The batches of a graph's candidates; with several workers each makes its share of them, in turn."""

    def __init__(self, links: LinkDataset, candidates: Candidates, graph: LinkGraph, size: int) -> None:
        self.links, self.candidates, self.graph, self.size = links, candidates, graph, size

    def __iter__(self) -> Iterator[LinkBatch]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for pairs in islice(self.candidates.blocks(self.graph, self.size), first, None, step):
            self.links.pairs, self.links.y = pairs, torch.full((pairs.size(0),), torch.nan)
            yield self.links[list(range(pairs.size(0)))]


def candidate_loader(
    candidates: Candidates,
    graph: LinkGraph,
    observed: Adjacency,
    x: Tensor,
    neighborhood: Neighborhood | None,
    batch_size: int,
    num_workers: int,
) -> DataLoader[LinkBatch]:
    """A loader of :class:`LinkBatch`, in the order of the candidates.

    Batches have ``batch_size`` pairs, and 65,536 at least where there are no subgraphs: a model of the whole
    graph reads it once for every batch.
    """
    none = torch.zeros(0, 2, dtype=torch.long)
    links = LinkDataset(observed, x, none, none[:, 0], None, neighborhood, cached=False)
    size = batch_size if links.neighborhood is not None else max(batch_size, WHOLE)
    data = CandidateDataset(links, candidates, graph, size)
    return DataLoader(data, batch_size=None, num_workers=num_workers, collate_fn=_as_it_is)
