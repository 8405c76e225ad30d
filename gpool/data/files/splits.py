"""Published folds, read from their index files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from gpool.data.files.sums import write_text
from gpool.data.files.tables import first, integers, row_of
from gpool.data.folds import Split

__all__ = ["Listed", "check_listed", "given_split", "read_split", "write_splits"]


class Listed(NamedTuple):
    """Positions of graphs as a file lists them: one per line, or as a list in a JSON file under ``key``."""

    path: Path
    positions: np.ndarray
    key: str | None = None

    def at(self, k: int) -> str:
        """How a message names the k-th of them."""
        return row_of(self.path, k) if self.key is None else f"{self.path}, {self.key}[{k}]"


def read_split(
    path: str | os.PathLike[str],
    fold: int,
    labels: np.ndarray,
    val_fraction: float = 0.1,
    seed: int = 0,
) -> Split:
    """One fold of published index files; positions are counted from 0.

    Two layouts are read. A folder of ``test_idx-K.txt``, ``train_idx-K.txt`` and perhaps ``val_idx-K.txt``
    with K from 1 and one position per line, as those of DGCNN and ASAP; without the last, a part of the
    training graphs is set aside. And a JSON file with a list of ``{"test": [...], "model_selection":
    [{"train": [...], "validation": [...]}]}``, as that of Errica et al. (2020, arXiv:1912.09893).

    Args:
        path: the folder or the file.
        fold: which fold, from 0.
        labels: class of every graph, [G].
        val_fraction, seed: of a validation part that the files do not name.

    Raises:
        FileNotFoundError: where neither is at ``path``, or the fold is not there.
        ValueError: where a part is empty, or a position has no graph, stands in two parts or twice in one.
            It names file and line, or the place in the JSON file.
    """
    path = Path(path)
    train, val, test = _from_json(path, fold) if path.suffix == ".json" else _from_folder(path, fold)
    check_listed([part for part in (train, val, test) if part is not None], len(labels))
    if val is not None:
        return Split(*(np.sort(part.positions) for part in (train, val, test)))
    kept, held = train_test_split(
        train.positions, test_size=val_fraction, random_state=seed, stratify=labels[train.positions]
    )
    return Split(np.sort(kept), np.sort(held), np.sort(test.positions))


def write_splits(path: Path, splits: Sequence[Split]) -> None:
    """Write folds as a JSON file that :func:`read_split` reads, whole or not at all."""
    folds = [
        {
            "test": split.test.tolist(),
            "model_selection": [{"train": split.train.tolist(), "validation": split.val.tolist()}],
        }
        for split in splits
    ]
    write_text(path, json.dumps(folds))


def given_split(parts: Mapping[str, Any], count: int) -> Split:
    """A split from lists of positions, or from boolean masks [count], per part.

    Raises:
        ValueError: unless the parts are "train", "val" and "test", none empty, and all disjoint.
    """
    if set(parts) != set(Split._fields):
        raise ValueError(f"splits has the parts {', '.join(parts)}; it must have train, val and test")
    listed = [Listed(Path("splits"), _positions(parts[part], part, count), part) for part in Split._fields]
    check_listed(listed, count)
    return Split(*(np.sort(part.positions) for part in listed))


def _positions(given: Any, part: str, count: int) -> np.ndarray:
    try:
        found = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError):
        found = torch.empty(0, 0)
    if found.dtype is torch.bool and found.shape == (count,):
        return np.flatnonzero(found.numpy())
    if found.dim() != 1 or found.is_floating_point() or found.dtype is torch.bool:
        if found.numel() == 0 and found.dim() == 1:
            return np.empty(0, dtype=np.int64)
        raise ValueError(f"splits, {part} must be a list of positions, or a boolean mask of {count} entries")
    return found.long().numpy()


def check_listed(parts: Sequence[Listed], count: int) -> None:
    """Check that the parts of a split are disjoint lists of positions 0 .. count - 1, none of them empty.

    Raises:
        ValueError: for the first position that is not; it says where it stands.
    """
    for part in parts:
        if part.positions.size == 0:
            raise ValueError(f"{part.path}{f', {part.key}' if part.key else ''} is empty")
        wrong = (part.positions < 0) | (part.positions >= count)
        if wrong.any():
            k = first(wrong)
            raise ValueError(
                f"{part.at(k)}: position {part.positions[k]} must be one of 0 .. {count - 1}, "
                "the positions of the graphs"
            )
    every = np.concatenate([part.positions for part in parts])
    order = np.argsort(every, kind="stable")
    again = np.flatnonzero(np.diff(every[order]) == 0)
    if again.size > 0:
        k = int(order[again + 1].min())
        earlier = int(np.flatnonzero(every[:k] == every[k])[0])
        places = [part.at(i) for part in parts for i in range(part.positions.size)]
        raise ValueError(
            f"{places[k]}: graph {every[k]} stands in two parts, or twice in one; "
            f"it is at {places[earlier]} too"
        )


Parts = tuple[Listed, Listed | None, Listed]


def _from_folder(path: Path, fold: int) -> Parts:
    files = {part: path / f"{part}_idx-{fold + 1}.txt" for part in ("train", "val", "test")}
    missing = [str(files[part]) for part in ("train", "test") if not files[part].is_file()]
    if missing:
        raise FileNotFoundError(f"fold {fold} of the published splits must lie in {' and '.join(missing)}")
    found = {p: Listed(f, integers(f, 1)[:, 0]) for p, f in files.items() if f.is_file()}
    return found["train"], found.get("val"), found["test"]


def _from_json(path: Path, fold: int) -> Parts:
    if not path.is_file():
        raise FileNotFoundError(f"the published splits must lie in {path}")
    try:
        folds = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON file: {error}") from error
    if not isinstance(folds, list):
        raise ValueError(f"{path} must hold a list of folds, it holds {type(folds).__name__}")
    if not 0 <= fold < len(folds):
        raise FileNotFoundError(f"{path} has {len(folds)} folds, none is fold {fold}")
    inner = ("model_selection", 0)
    return (
        _listed(path, folds, fold, *inner, "train"),
        _listed(path, folds, fold, *inner, "validation"),
        _listed(path, folds, fold, "test"),
    )


def _listed(path: Path, folds: list, *keys: int | str) -> Listed:
    """The integers at a place in a JSON file."""
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    found: Any = folds
    try:
        for key in keys:
            found = found[key]
    except (LookupError, TypeError):
        raise ValueError(f"{path} has no {place}, a list of positions") from None
    if not isinstance(found, list):
        raise ValueError(f"{path}, {place} must be a list of positions, it is {type(found).__name__}")
    for k, position in enumerate(found):
        if type(position) is not int or abs(position) >= 2**63:
            raise ValueError(f"{path}, {place}[{k}]: {position!r} must be an integer")
    return Listed(path, np.array(found, dtype=np.int64), place)
