"""The citation graphs of the Planetoid collection."""

from __future__ import annotations

import os
from typing import Literal, get_args

from torch_geometric.data import Data
from torch_geometric.datasets import Planetoid as PlanetoidDataset
from torch_geometric.transforms import NormalizeFeatures

from gpool.data.one_graph import OneGraph
from gpool.data.root import MissingData, data_root

__all__ = ["Planetoid"]

Name = Literal["Cora", "CiteSeer", "PubMed"]
Scheme = Literal["public", "full", "geom-gcn"]
PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")


class Planetoid(OneGraph):
    """Cora, CiteSeer or PubMed (Yang et al. 2016, arXiv 1603.08861) through PyG's ``Planetoid``: one graph.

    The files are read from ``ROOT/planetoid/NAME/raw``, where ROOT is ``root``, the environment variable
    ``GPOOL_DATA`` or ``data``; the network is touched only where they are missing. A batch is the whole graph
    with its masks.

    Args:
        name: ``"Cora"``, ``"CiteSeer"`` or ``"PubMed"``.
        root: folder of all data sets.
        split: ``"public"`` (20 nodes of each class to train on, 500 and 1,000 to validate and test on),
            ``"full"`` (those two, and all other nodes to train on) or ``"geom-gcn"`` (ten splits of 48, 32
            and 20 in a hundred).
        fold: which of the splits of ``"geom-gcn"``.
        normalize: scale the features of every node to a sum of 1.

    Raises:
        ValueError: for a name, split or fold that is none of these.
        MissingData: where the set is missing and cannot be fetched; it says which files to place where.
    """

    def __init__(
        self,
        name: Name,
        root: str | os.PathLike[str] | None = None,
        split: Scheme = "public",
        fold: int = 0,
        normalize: bool = True,
    ) -> None:
        super().__init__()
        if name not in get_args(Name):
            raise ValueError(f"name={name!r} must be one of {', '.join(get_args(Name))}")
        if split not in get_args(Scheme):
            raise ValueError(f"split={split!r} must be one of {', '.join(get_args(Scheme))}")
        folds = 10 if split == "geom-gcn" else 1
        if not 0 <= fold < folds:
            raise ValueError(f"fold={fold} must be between 0 and {folds - 1} for split={split!r}")
        self.dataset = name  # a LightningDataModule has a name of its own
        self.root = data_root(root) / "planetoid"
        self.scheme = split
        self.fold = fold
        self.normalize = normalize

    def load(self) -> Data:
        """The whole graph, with the masks [N] of the split."""
        transform = NormalizeFeatures() if self.normalize else None
        try:
            graph = PlanetoidDataset(str(self.root), self.dataset, split=self.scheme, transform=transform)[0]
        except Exception as error:
            raw = self.root / self.dataset / "raw"
            files = [f"ind.{self.dataset.lower()}.{part}" for part in PARTS]
            if all((raw / file).is_file() for file in files) and self.scheme != "geom-gcn":
                raise
            more = (
                f" (and the .npz splits in {raw.parent / 'geom-gcn' / 'raw'})"
                if self.scheme == "geom-gcn"
                else ""
            )
            raise MissingData(
                f"Planetoid data set {self.dataset!r} is not under {raw} and could not be fetched "
                f"({type(error).__name__}): place {', '.join(files)} there{more}, or set root (or "
                f"GPOOL_DATA) to a folder that has them"
            ) from error
        for part in ("train_mask", "val_mask", "test_mask"):
            if graph[part].dim() == 2:
                graph[part] = graph[part][:, self.fold]
        return graph
