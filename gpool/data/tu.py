"""The TU collection of graph classification sets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.datasets import TUDataset
from torch_geometric.utils import degree

from gpool.data.base import GraphData
from gpool.data.files.array_cache import cached_arrays, checksum
from gpool.data.files.fetch import alone, fetch_archive
from gpool.data.files.tu import REQUIRED, VERSION, fits, graphs_of, parse, tu_files
from gpool.data.root import MissingData, checked_name, data_root

__all__ = ["TU"]


class TU(GraphData):
    """A set of the TU collection (Morris et al. 2020, arXiv:2007.08663), as PyG's ``TUDataset`` reads it.

    The files are read from ``ROOT/tu/NAME/raw``, where ROOT is ``root``, the environment variable
    ``GPOOL_DATA`` or ``data``; the network is touched only where they are missing. Graphs without node
    features get their nodes' degrees, one-hot; degrees above ``max_degree`` share the last column.

    Nothing under ROOT is trusted: the files are text, checked when they are read, and what was parsed is kept
    as plain arrays in ``ROOT/tu/NAME/processed``, without pickles. A file of PyG's there is never opened.

    Args:
        name: as in the collection, such as ``"MUTAG"`` or ``"PROTEINS"``.
        root: folder of all data sets.
        attributes: what is made of the continuous node attributes, where there are some: ``"raw"`` as they
            are; ``"standardized"``, shifted and scaled to mean 0 and deviation 1 over the nodes of the
            training graphs (one that is constant there is only shifted); or ``"none"``. Labels stay one-hot.
        max_degree: highest degree that has a column of its own, for sets without node features.
        add_degree: give every node its degree, one-hot up to the largest of the set, beside its features;
            without features it has its degree anyway.
        split_files: published folds in place of drawn ones, see :func:`gpool.data.read_split`: a folder
            or JSON file, absolute or below ROOT, in which ``{name}`` and ``{seed}`` stand for the name and
            ``split_seed``, such as ``"splits/asap_20x10fold/{name}/10fold_idx_{seed}"``.
        fold, folds, val_fraction, split_seed, batch_size, num_workers: see :class:`GraphData`.

    Raises:
        MissingData: where the set is missing and cannot be fetched; it says which files to place where.
        FileNotFoundError, ValueError: where ``split_files`` are missing or do not fit the set.
        ValueError: a name that is not one of a set; files that do not fit together, with file and line.
    """

    def __init__(
        self,
        name: str,
        *,
        root: str | os.PathLike[str] | None = None,
        attributes: Literal["raw", "standardized", "none"] = "raw",
        max_degree: int = 100,
        add_degree: bool = False,
        fold: int = 0,
        folds: int = 10,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        batch_size: int = 32,
        num_workers: int = 0,
        split_files: str | None = None,
    ) -> None:
        super().__init__(fold, folds, val_fraction, split_seed, batch_size, num_workers, split_files)
        if attributes not in ("raw", "standardized", "none"):
            raise ValueError(f"attributes={attributes!r} must be 'raw', 'standardized' or 'none'")
        self.dataset = checked_name(name)
        self.root = data_root(root) / "tu"
        self.attributes = attributes
        self.max_degree = max_degree
        self.add_degree = add_degree

    def split_path(self) -> Path:
        """Where the published folds lie."""
        return self.root.parent / str(super().split_path()).replace("{name}", self.dataset)

    def load(self) -> Sequence[Data]:
        """All graphs of the set, every one with node features."""
        files = self._files()
        way = "labels" if self.attributes == "none" else "attributes"
        arrays = cached_arrays(
            self.root / self.dataset / "processed" / f"gpool_{way}.npz",
            checksum(files.values(), VERSION),
            lambda: parse(files),
            fits,
        )
        graphs = graphs_of(arrays)
        attributes = arrays["attributes"].shape[1] if "attributes" in arrays else 0
        if self.attributes == "standardized" and attributes > 0:
            train = self.lay_out(arrays["y"]).train
            graphs = _standardized(graphs, [graphs[i] for i in train.tolist()], attributes)
        if graphs[0].x is None:
            graphs = [_with_degrees(graph, self.max_degree) for graph in graphs]
        elif self.add_degree:
            most = max(int(_degrees(graph).max()) for graph in graphs)
            for graph, degrees in [(graph, _with_degrees(graph.clone(), most).x) for graph in graphs]:
                graph.x = torch.cat([graph.x, degrees], dim=1)
        return graphs

    def _files(self) -> dict[str, Path]:
        """The files of the set, fetched where those that it cannot do without are missing."""
        raw = self.root / self.dataset / "raw"
        required = [raw / f"{self.dataset}_{part}.txt" for part in REQUIRED]
        if not all(path.is_file() for path in required):
            try:
                with alone(self.root / self.dataset) as part:
                    if not all(path.is_file() for path in required):
                        fetch_archive(f"{TUDataset.url}/{self.dataset}.zip", raw, part, required)
            except Exception as error:
                raise MissingData(
                    f"TU data set {self.dataset!r} is not under {raw} and could not be fetched "
                    f"({type(error).__name__}: {error}): place {', '.join(path.name for path in required)} "
                    f"and its other text files there, or set root (or GPOOL_DATA) to a folder that has them"
                ) from error
        return tu_files(raw, self.dataset, self.attributes != "none")


def _standardized(graphs: list[Data], train: list[Data], attributes: int) -> list[Data]:
    """The graphs with their first columns, the attributes, scaled by what the training graphs have."""
    values = torch.cat([graph.x[:, :attributes] for graph in train]).double()
    mean, deviation = values.mean(0), values.std(0, correction=0)
    deviation = torch.where(deviation > 0, deviation, 1.0)
    scaled = []
    for graph in graphs:
        columns = ((graph.x[:, :attributes] - mean) / deviation).to(graph.x.dtype)
        scaled.append(graph.clone())
        scaled[-1].x = torch.cat([columns, graph.x[:, attributes:]], dim=1)
    return scaled


def _degrees(graph: Data) -> Tensor:
    return degree(graph.edge_index[1], graph.num_nodes, dtype=torch.long)


def _with_degrees(graph: Data, most: int) -> Data:
    graph.x = torch.nn.functional.one_hot(_degrees(graph).clamp(max=most), most + 1).float()
    return graph
