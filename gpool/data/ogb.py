"""The molecule sets of the Open Graph Benchmark, their official splits and their own evaluator."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
from torch_geometric.data.storage import GlobalStorage

from gpool.data.base import GraphData, Task
from gpool.data.folds import Split
from gpool.data.root import MissingData, data_root

__all__ = ["OGBGraph"]

FILES = ("edge", "node-feat", "edge-feat", "graph-label", "num-node-list", "num-edge-list")
ALLOWED = [DataEdgeAttr, DataTensorAttr, GlobalStorage]
"""What a processed OGB set holds besides tensors: nothing else is unpickled."""


class OGBGraph(GraphData):
    """A molecule set of the Open Graph Benchmark (Hu et al. 2020, arXiv 2005.00687) with its official scaffold split.

    The files are read from ``ROOT/ogb/ogbg_NAME``, where ROOT is ``root``, the environment variable ``GPOOL_DATA``
    or ``data``; the network is touched only where they are missing, and nothing is ever asked on standard input. The
    processed file is read back with ``weights_only`` and an allow-list of three classes of PyG.

    Atoms have nine and bonds three integer features: use an encoder that embeds them, such as
    :class:`gpool.models.MoleculeEncoder`.

    Args:
        name: such as ``"ogbg-molhiv"``.
        root: folder of all data sets.
        batch_size, num_workers: see :class:`GraphData`.

    Raises:
        ValueError: the name is not that of an OGB molecule set.
        MissingData: the set is missing and cannot be fetched; it says which files to place where.
    """

    def __init__(
        self,
        name: str,
        root: str | os.PathLike[str] | None = None,
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers)
        if not name.startswith("ogbg-mol"):
            raise ValueError(f"name={name!r} must be one of OGB's molecule sets, such as 'ogbg-molhiv'")
        self.name = name
        self.root = data_root(root) / "ogb"

    @property
    def folder(self) -> Path:
        """Where the set lies, or is to be placed."""
        plain = self.root / self.name.replace("-", "_")
        fetched = plain.with_name(plain.name + "_pyg")
        return fetched if fetched.exists() else plain

    @cached_property
    def dataset(self) -> Any:
        """OGB's own data set object."""
        from ogb.graphproppred import PygGraphPropPredDataset

        raw = self.folder / "raw"
        there = all((raw / f"{part}.csv.gz").is_file() for part in FILES)
        if there:
            _mark_release(self.folder, self.name)
        try:
            with torch.serialization.safe_globals(ALLOWED), _no_questions(self.folder):
                return PygGraphPropPredDataset(self.name, root=str(self.root))
        except (MissingData, ValueError):
            raise
        except Exception as error:
            if there:
                raise
            raise MissingData(
                f"OGB set {self.name!r} is not under {self.folder} and could not be fetched "
                f"({type(error).__name__}): place {', '.join(f'{part}.csv.gz' for part in FILES)} under {raw} and "
                f"the split under {self.folder / 'split'}, or set root (or GPOOL_DATA) to a folder that has them"
            ) from error

    def load(self) -> Sequence[Data]:
        """All molecules of the set."""
        return list(self.dataset)

    @cached_property
    def split(self) -> Split:
        """OGB's scaffold split."""
        with torch.serialization.safe_globals(ALLOWED):
            parts = self.dataset.get_idx_split()
        return Split(*(parts[key].numpy() for key in ("train", "valid", "test")))

    @property
    def task(self) -> Task:  # type: ignore[override]
        """Binary labels of one task, of several (some may be missing), or real numbers."""
        if "classification" not in self.dataset.task_type:
            return "regression"
        return "binary" if self.dataset.num_tasks == 1 else "multilabel"

    @property
    def num_features(self) -> int:
        """Nine, the categorical features of an atom."""
        return int(self.dataset.num_node_features)

    @property
    def num_outputs(self) -> int:
        """Number of tasks."""
        return int(self.dataset.num_tasks)

    def evaluate(self, prediction: Tensor, label: Tensor) -> dict[str, float]:
        """What OGB's evaluator says: its metric's name and value, for predictions and labels [G, tasks]."""
        from ogb.graphproppred import Evaluator

        shape = (-1, self.num_outputs)
        truth, guess = label.view(shape).numpy(), prediction.view(shape).float().numpy()
        found: dict[str, float] = Evaluator(self.name).eval({"y_true": truth, "y_pred": guess})
        return {name: float(value) for name, value in found.items()}


def _mark_release(folder: Path, name: str) -> None:
    """Say that the files in place are of OGB's current release, so that it does not ask whether to delete them."""
    import ogb.graphproppred
    import pandas as pd

    table = pd.read_csv(
        Path(ogb.graphproppred.__file__).parent / "master.csv", index_col=0, keep_default_na=False
    )
    if name not in table:
        raise ValueError(
            f"name={name!r} must be one of {', '.join(n for n in table if n.startswith('ogbg-mol'))}"
        )
    mark = folder / f"RELEASE_v{table[name]['version']}.txt"
    if not mark.exists():
        mark.touch()


@contextmanager
def _no_questions(folder: Path) -> Iterator[None]:
    """Where OGB would ask on standard input, say what is wrong instead."""

    def refuse(question: str = "") -> NoReturn:
        raise MissingData(
            f"{folder} is incomplete or of another release, and OGB asks {question.strip()!r}: remove the folder to fetch "
            f"the set again, or place all of {', '.join(f'{part}.csv.gz' for part in FILES)} under {folder / 'raw'}"
        )

    import ogb.graphproppred.dataset_pyg as reader
    import ogb.utils.url as fetcher

    with (
        patch.object(reader, "input", refuse, create=True),
        patch.object(fetcher, "input", refuse, create=True),
    ):
        yield
