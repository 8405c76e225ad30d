"""Folds that others have published, read from their index files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from gpool.data.folds import Split

__all__ = ["read_split"]


def read_split(
    path: str | os.PathLike[str],
    fold: int,
    labels: np.ndarray,
    val_fraction: float = 0.1,
    seed: int = 0,
) -> Split:
    """One fold of published index files; positions are counted from 0.

    Two layouts are read. A folder of ``test_idx-K.txt``, ``train_idx-K.txt`` and perhaps ``val_idx-K.txt``
    with K from 1 and one position a line, as those of DGCNN and ASAP; without the last, a part of the
    training graphs is set aside. And a JSON file with a list of ``{"test": [...], "model_selection":
    [{"train": [...], "validation": [...]}]}``, as that of Errica et al. (2020, arXiv 1912.09893).

    Args:
        path: the folder or the file.
        fold: which fold, from 0.
        labels: class of every graph, [G].
        val_fraction, seed: of a validation part that the files do not name.

    Raises:
        FileNotFoundError: where neither is at ``path``, or the fold is not there.
        ValueError: where a position is not one of a graph, or stands in two parts.
    """
    path = Path(path)
    train, val, test = _from_json(path, fold) if path.suffix == ".json" else _from_folder(path, fold)
    every = np.concatenate([part for part in (train, val, test) if part is not None])
    if every.min() < 0 or every.max() >= len(labels):
        raise ValueError(
            f"{path}, fold {fold}: positions {every.min()} to {every.max()} must lie in 0 .. "
            f"{len(labels) - 1}, the positions of the graphs"
        )
    if np.unique(every).size < every.size:
        raise ValueError(f"{path}, fold {fold}: a graph stands in two parts, or twice in one")
    if val is None:
        train, val = train_test_split(
            train, test_size=val_fraction, random_state=seed, stratify=labels[train]
        )
    return Split(np.sort(train), np.sort(val), np.sort(test))


Parts = tuple[np.ndarray, np.ndarray | None, np.ndarray]


def _from_folder(path: Path, fold: int) -> Parts:
    files = {part: path / f"{part}_idx-{fold + 1}.txt" for part in ("train", "val", "test")}
    missing = [str(files[part]) for part in ("train", "test") if not files[part].is_file()]
    if missing:
        raise FileNotFoundError(f"fold {fold} of the published splits must lie in {' and '.join(missing)}")
    found = {p: np.loadtxt(f, dtype=np.int64, ndmin=1) for p, f in files.items() if f.is_file()}
    return found["train"], found.get("val"), found["test"]


def _from_json(path: Path, fold: int) -> Parts:
    if not path.is_file():
        raise FileNotFoundError(f"the published splits must lie in {path}")
    folds = json.loads(path.read_text(encoding="utf-8"))
    if not 0 <= fold < len(folds):
        raise FileNotFoundError(f"{path} has {len(folds)} folds, none is fold {fold}")
    inner = folds[fold]["model_selection"][0]
    return tuple(  # type: ignore[return-value]
        np.asarray(part, dtype=np.int64)
        for part in (inner["train"], inner["validation"], folds[fold]["test"])
    )
