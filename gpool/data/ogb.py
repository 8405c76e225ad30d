"""The molecule sets of the Open Graph Benchmark, their official splits and their own evaluator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from torch import Tensor
from torch_geometric.data import Data

from gpool.data.base import GraphData, Task
from gpool.data.files.array_cache import cached_arrays, checksum
from gpool.data.files.fetch import alone, fetch_archive
from gpool.data.files.graph_arrays import edges_fit
from gpool.data.files.ogb import VERSION, graphs_of, ogb_files, parse, read_scaffold, split_files
from gpool.data.folds import Split
from gpool.data.root import MissingData, checked_name, data_root

__all__ = ["OGBGraph"]


class OGBGraph(GraphData):
    """A molecule set of the Open Graph Benchmark (Hu et al. 2020, arXiv:2005.00687) with its official
    scaffold split.

    The files are read from ``ROOT/ogb/ogbg_NAME``, where ROOT is ``root``, the environment variable
    ``GPOOL_DATA`` or ``data``; the network is touched only where they are missing, and nothing is ever asked
    on standard input.

    Nothing under ROOT is trusted: the files are text, checked when they are read, and what was parsed is kept
    as plain arrays in ``processed/gpool.npz``, without pickles. A processed file of OGB's is never opened.

    Atoms have nine and bonds three integer features: use an encoder that embeds them, such as
    :class:`gpool.models.MoleculeEncoder`.

    Args:
        name: such as ``"ogbg-molhiv"``.
        root: folder of all data sets.
        batch_size, num_workers: see :class:`GraphData`.

    Raises:
        ValueError: the name is not that of an OGB molecule set; files that do not fit together, with file and
            line; a split whose parts overlap or hold positions out of range.
        MissingData: the set is missing and cannot be fetched; it says which files to place where.
    """

    categorical = True

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
        self._name = checked_name(name)
        self.root = data_root(root) / "ogb"

    @property
    def folder(self) -> Path:
        """Where the set lies, or is to be placed."""
        plain = self.root / self._name.replace("-", "_")
        fetched = plain.with_name(plain.name + "_pyg")
        return fetched if fetched.exists() else plain

    @cached_property
    def about(self) -> Mapping[str, str]:
        """What OGB says of the set: its kind of task, number of tasks, address and so on.

        Raises:
            ValueError: OGB does not know the set.
        """
        import ogb.graphproppred
        import pandas as pd

        file = Path(ogb.graphproppred.__file__).parent / "master.csv"
        table = pd.read_csv(file, index_col=0, keep_default_na=False, dtype=str)
        if self._name not in table:
            known = ", ".join(name for name in map(str, table) if name.startswith("ogbg-mol"))
            raise ValueError(f"name={self._name!r} must be one of {known}")
        return dict(table[self._name])

    def load(self) -> Sequence[Data]:
        """All molecules of the set."""
        files = self._files()
        classes = self.task != "regression"
        arrays = cached_arrays(
            self.folder / "processed" / "gpool.npz",
            checksum(files.values(), VERSION),
            lambda: parse(files, classes),
            edges_fit,
        )
        return graphs_of(arrays, classes)

    @cached_property
    def split(self) -> Split:
        """OGB's scaffold split."""
        return read_scaffold(self.folder, len(self.graphs))

    @property
    def task(self) -> Task:  # type: ignore[override]
        """Binary labels of one task, of several (some may be missing), or real numbers."""
        if "classification" not in self.about["task type"]:
            return "regression"
        return "binary" if self.num_outputs == 1 else "multilabel"

    @property
    def num_outputs(self) -> int:
        """Number of tasks."""
        return int(self.about["num tasks"])

    def _files(self) -> dict[str, Path]:
        """The files of the set, fetched where some are missing."""
        url, folder = self.about["url"], self.folder
        files, splits = ogb_files(folder), split_files(folder)
        whole = folder / "split" / "scaffold" / "split_dict.pt"

        def there() -> bool:
            has_split = whole.is_file() or all(path.is_file() for path in splits.values())
            return has_split and all(path.is_file() for path in files.values())

        if not there():
            try:
                with alone(folder) as part:
                    if not there():
                        fetch_archive(url, folder, part, files.values())
            except Exception as error:
                raise MissingData(
                    f"OGB set {self._name!r} is not under {folder} and could not be fetched "
                    f"({type(error).__name__}: {error}): place "
                    f"{', '.join(path.name for path in files.values())} under {folder / 'raw'} and "
                    f"{', '.join(path.name for path in splits.values())} under {whole.parent}, or set root "
                    "(or GPOOL_DATA) to a folder that has them"
                ) from error
        return files

    def evaluate(self, prediction: Tensor, label: Tensor) -> dict[str, float]:
        """What OGB's evaluator says: its metric's name and value, for predictions and labels [G, tasks]."""
        from ogb.graphproppred import Evaluator

        shape = (-1, self.num_outputs)
        truth, guess = label.view(shape).numpy(), prediction.view(shape).float().numpy()
        found: dict[str, float] = Evaluator(self._name).eval({"y_true": truth, "y_pred": guess})
        return {name: float(value) for name, value in found.items()}
