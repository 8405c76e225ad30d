"""Link prediction data of a user's graph or a known set, as a LightningDataModule."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from typing import Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from gpool.data.base import Task
from gpool.data.links.audit import ValidationEdges, audit
from gpool.data.links.candidate_loader import candidate_loader
from gpool.data.links.candidates import AllPairs, Candidates, candidates_of
from gpool.data.links.features import Features, OnesFeatures, OwnFeatures
from gpool.data.links.fresh_negatives import FreshDataset, fresh_loader
from gpool.data.links.graph import LinkGraph
from gpool.data.links.loader import LinkDataset, Neighborhood, link_loader
from gpool.data.links.negatives import Negatives, with_negatives
from gpool.data.links.options import check_options, negatives_of, split_of
from gpool.data.links.published_split import PublishedSplit
from gpool.data.links.random_split import RandomSplit
from gpool.data.links.sets import link_graph
from gpool.data.links.split import Leak, LinkSplit
from gpool.data.root import data_root
from gpool.link.batch import LinkBatch
from gpool.ops.subgraph.adjacency import Adjacency

__all__ = ["Links", "ValidationEdges"]


class Links(LightningDataModule):
    """The links of one graph, in parts to train on, to select by and to test.

    Without a name it is the graph of Les Misérables, 77 characters and 254 links, which needs no file. Any
    graph ``links/NAME.mat`` below the data root goes by its name, such as USAir, and has its published splits
    where they lie in ``splits/walkpool_links``. Other names are those of
    :func:`gpool.data.links.sets.link_graph`. Every graph is made undirected before it is split.

    The observed graph, which models see around a pair, holds the training links and by ``val_edges``

    - ``"none"``: no others;
    - ``"inference"``: the validation links too when the test part is scored;
    - ``"train+inference"``: the validation links always (the published protocol for graphs without features).

    Prediction of given pairs observes all links that are known.

    Args:
        name: of a set; None is Les Misérables.
        root: folder of all data sets.
        graph: a graph of your own, in place of a name; see :meth:`from_edges`.
        split: a :class:`RandomSplit`, a :class:`PublishedSplit`, or your own parts; every one is
            checked by :func:`gpool.data.links.audit`. None: published where the set has one, else random.
        fold: which published split, or which random one.
        negatives: ``"given"``, those of a published split or of your own; ``"random"`` non-links;
            ``"per-source"``, for every positive (i, j) some (i, k) or (k, j) of its own, for MRR. The last
            two are drawn for the positives of the split. None: given where the split has them, else random.
        negatives_per_link: of the validation and test parts; 1 where the negatives are given.
        val_edges: who may see the validation links, see above.
        features: makes the nodes' features; None takes the graph's own, or 16 ones where it has none.
        neighborhood: what to cut out around a pair, and where to keep it; None hands models the whole graph.
        batch_size: links per batch.
        num_workers: processes that make batches; 0 makes them in the training process.

    Raises:
        ValueError: for what does not fit together, see the arguments.
        MissingData: a file is not there; the message names it.
    """

    task: Task = "binary"
    num_outputs = 1

    def __init__(
        self,
        name: str | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
        graph: LinkGraph | None = None,
        split: LinkSplit | RandomSplit | PublishedSplit | None = None,
        fold: int = 0,
        negatives: Negatives | None = None,
        negatives_per_link: int = 1,
        val_edges: ValidationEdges = "none",
        features: Features | None = None,
        neighborhood: Neighborhood | None = Neighborhood(),  # noqa: B008 (frozen)
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        check_options(name, graph, split, val_edges)
        self.name, self.root = name, data_root(root)
        self._graph, self._split = graph, split_of(name, self.root, split)
        self.fold = fold
        self.negatives = negatives_of(negatives, negatives_per_link, self._split)
        self.negatives_per_link = negatives_per_link
        self.val_edges: ValidationEdges = val_edges
        self.features, self.neighborhood = features, neighborhood
        self.batch_size, self.num_workers = batch_size, num_workers
        self.candidates: Candidates | None = None
        self.leaks: tuple[Leak, ...] = ()

    @classmethod
    def from_edges(
        cls,
        edges: Data | Tensor | Iterable[tuple[Hashable, Hashable]],
        x: Tensor | None = None,
        nodes: Sequence[Hashable] | int | None = None,
        *,
        split: LinkSplit | RandomSplit | None = None,
        fold: int = 0,
        negatives: Negatives | None = None,
        negatives_per_link: int = 1,
        val_edges: ValidationEdges = "none",
        features: Features | None = None,
        neighborhood: Neighborhood | None = Neighborhood(),  # noqa: B008 (frozen)
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> Links:
        """The links of a graph of your own: a PyG ``Data``, a tensor [2, E], or pairs of any ids.

        The edges are checked as :meth:`gpool.data.LinkGraph.from_edges` says, which makes a directed graph
        undirected too, for ``Links(graph=...)``; all else is as in the class.

        >>> data = Links.from_edges([("Ann", "Bob"), ("Bob", "Cid"), ("Cid", "Ann"), ("Cid", "Dan")],
        ...                         split=RandomSplit(val_fraction=0.25, test_fraction=0.25))
        >>> data.graph
        LinkGraph(4 nodes, 4 links, no features)
        """
        return cls(
            graph=LinkGraph.from_edges(edges, x, nodes),
            split=split,
            fold=fold,
            negatives=negatives,
            negatives_per_link=negatives_per_link,
            val_edges=val_edges,
            features=features,
            neighborhood=neighborhood,
            batch_size=batch_size,
            num_workers=num_workers,
        )

    @cached_property
    def graph(self) -> LinkGraph:
        """The whole graph, loaded when it is first asked for."""
        return self._graph or link_graph(self.name or "LesMiserables", self.root)

    @cached_property
    def split(self) -> LinkSplit:
        """Links and non-links of each part."""
        made = self._split
        if isinstance(made, RandomSplit):
            split = made.draw(self.graph, self.fold, self.negatives, self.negatives_per_link)
        elif isinstance(made, PublishedSplit):
            split = self._with_negatives(made.read(self.graph, self.name or "", self.root, self.fold))
        else:
            split = self._with_negatives(made)
        self.leaks = audit(split, self.graph, self.val_edges)
        return split

    def _with_negatives(self, split: LinkSplit) -> LinkSplit:
        """The split with its own negatives, or with others where they are asked for."""
        if self.negatives == "given":
            return split
        positives = split.train_pos, split.val_pos, split.test_pos
        generator = torch.Generator().manual_seed(self.fold)
        drawn = self.graph, self.negatives, self.negatives_per_link, generator
        return with_negatives(positives, *drawn, split.allow)

    def observed(self, stage: Literal["train", "test", "predict"]) -> Adjacency:
        """The graph that may be seen while training and validating, testing or predicting."""
        links = [self.split.train_pos]
        if self.val_edges == "train+inference" or (self.val_edges == "inference" and stage == "test"):
            links.append(self.split.val_pos)
        if stage == "predict":
            links = [self.graph.pairs]
        return Adjacency.from_edges(torch.cat(links).t(), self.graph.num_nodes)

    @cached_property
    def x(self) -> Tensor:
        """Features of all nodes, [N, F]."""
        features = self.features or (OnesFeatures() if self.graph.x is None else OwnFeatures())
        return features(self.graph, self.observed("train"), self.split)

    @property
    def num_features(self) -> int:
        """Width of the node features; the number of nodes where they are :class:`NodeIds`."""
        return self.x.size(1) if self.features is None else self.features.width(self.graph, self.x)

    def describe(self) -> dict[str, str | int]:
        """The options and sizes that a result on these data depends on."""
        split = self.split
        return {
            "split": self._split.describe(),
            "val_edges": self.val_edges,
            "negatives": self.negatives,
            **({"train_negatives": "fresh every epoch"} if self._split.resample else {}),
            "train_links": split.train_pos.size(0),
            "test_links": split.test_pos.size(0),
            **({"leaks": ", ".join(self.leaks)} if self.leaks else {}),
        }

    def setup(self, stage: str | None = None) -> None:
        """Load the graph, lay out the parts, make the features."""
        _ = self.x

    def dataset(self, part: Literal["train", "val", "test"]) -> LinkDataset:
        """The target links of a part, with the graph that they may see."""
        pos, neg = getattr(self.split, f"{part}_pos"), getattr(self.split, f"{part}_neg")
        y = torch.cat([torch.ones(pos.size(0)), torch.zeros(neg.size(0))])
        of = None if part == "train" else getattr(self.split, f"{part}_group")
        group = None if of is None else torch.cat([torch.arange(pos.size(0)), of])
        observed = self.observed("test" if part == "test" else "train")
        return LinkDataset(observed, self.x, torch.cat([pos, neg]), y, group, self.neighborhood)

    def train_dataloader(self) -> DataLoader[LinkBatch]:
        """Batches of training links and non-links, shuffled by the seed of the run."""
        if self._split.resample:
            of = self.observed("train"), self.x, self.split, self.graph.pairs, self.fold, self.neighborhood
            return fresh_loader(FreshDataset(*of), self.batch_size, self.num_workers)
        return link_loader(self.dataset("train"), self.batch_size, True, self.num_workers)

    def val_dataloader(self) -> DataLoader[LinkBatch]:
        """Batches of the validation part."""
        return link_loader(self.dataset("val"), self.batch_size, False, self.num_workers)

    def test_dataloader(self) -> DataLoader[LinkBatch]:
        """Batches of the test part."""
        return link_loader(self.dataset("test"), self.batch_size, False, self.num_workers)

    def predict_dataloader(self) -> DataLoader[LinkBatch]:
        """Batches of the pairs to predict: those of :meth:`ask`, else all that are not linked."""
        asked, around = self.candidates or AllPairs(), (self.observed("predict"), self.x, self.neighborhood)
        return candidate_loader(asked, self.graph, *around, self.batch_size, self.num_workers)

    def ask(self, pairs: Tensor | Iterable[tuple[Hashable, Hashable]] | Candidates | str | None) -> None:
        """Predict these pairs of the user's ids; one that comes twice is scored twice.

        ``"all"`` and None are all that are not linked (:class:`AllPairs`), ``"two-hop"`` those of them with a
        common neighbor (:class:`TwoHop`).

        Raises:
            ValueError: an unknown id or word, or i = j.
        """
        self.candidates = candidates_of(pairs, self.graph)
