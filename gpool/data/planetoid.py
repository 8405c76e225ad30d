"""The citation graphs of the Planetoid collection."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

from torch_geometric.data import Data
from torch_geometric.datasets import Planetoid as PlanetoidDataset
from torch_geometric.transforms import NormalizeFeatures

from gpool.data.files.fetch import alone, fetch
from gpool.data.files.planetoid import fixed_masks, planetoid_files, read_planetoid
from gpool.data.one_graph import OneGraph
from gpool.data.root import MissingData, data_root

__all__ = ["Planetoid"]

Name = Literal["Cora", "CiteSeer", "PubMed"]
Scheme = Literal["public", "full", "geom-gcn"]


class Planetoid(OneGraph):
    """The graph of Cora, CiteSeer or PubMed (Yang et al. 2016, arXiv:1603.08861), as PyG makes it.

    The files are read from ``ROOT/planetoid/NAME/raw``, where ROOT is ``root``, the environment variable
    ``GPOOL_DATA`` or ``data``; the network is touched only where they are missing. A batch is the whole graph
    with its masks.

    Nothing under ROOT is trusted: the files are pickles, but no code that they name is run, and what they
    hold is checked. A processed file of PyG's is never opened.

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
        ValueError: for files that hold anything else; it names the file.
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
        graph = read_planetoid(self._fetched(), self.dataset)
        if self.scheme == "full":
            graph.train_mask = ~(graph.val_mask | graph.test_mask)
        elif self.scheme == "geom-gcn":
            for name, mask in fixed_masks(self._split_file(self.fold), graph.y.numel()).items():
                graph[name] = mask
        return NormalizeFeatures()(graph) if self.normalize else graph

    @property
    def _folder(self) -> Path:
        folder = self.root / self.dataset
        return folder / "geom-gcn" / "raw" if self.scheme == "geom-gcn" else folder / "raw"

    def _split_file(self, fold: int) -> Path:
        return self._folder / f"{self.dataset.lower()}_split_0.6_0.2_{fold}.npz"

    def _fetched(self) -> Path:
        """The folder of the files, after fetching those that are missing."""
        folder = self._folder
        urls = dict.fromkeys(planetoid_files(folder, self.dataset).values(), PlanetoidDataset.url)
        if self.scheme == "geom-gcn":
            urls[self._split_file(self.fold)] = f"{PlanetoidDataset.geom_gcn_url}/splits"
        missing = [path for path in urls if not path.is_file()]
        if not missing:
            return folder
        try:
            with alone(folder) as part:
                for path in missing:
                    if not path.is_file():  # another process may have fetched it in the meantime
                        fetch(f"{urls[path]}/{path.name}", part / path.name)
                        folder.mkdir(exist_ok=True)
                        (part / path.name).replace(path)
        except Exception as error:
            raise MissingData(
                f"Planetoid data set {self.dataset!r} is not under {folder} and could not be fetched "
                f"({type(error).__name__}: {error}): place {', '.join(path.name for path in missing)} there, "
                "or set root (or GPOOL_DATA) to a folder that has them"
            ) from error
        return folder
