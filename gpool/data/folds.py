"""Stratified folds with an inner validation split, the same for everyone who asks with the same seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

__all__ = ["Split", "drawn_split", "part_names", "stratified_split"]


class Split(NamedTuple):
    """Positions of the graphs to train on, to select on and to test on: three disjoint arrays."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def stratified_split(
    labels: np.ndarray, fold: int, folds: int = 10, val_fraction: float = 0.1, seed: int = 0
) -> Split:
    """One fold of a stratified cross-validation, a part of its training graphs set aside for selection.

    Args:
        labels: class of every graph, [G].
        fold: which fold is the test set, 0 <= fold < folds.
        folds: number of folds.
        val_fraction: share of the graphs outside the test fold that is set aside, stratified, for validation.
        seed: of the folds and of the inner split.

    Raises:
        ValueError: if ``fold`` is not one of the folds.

    >>> split = stratified_split(np.array([0, 1] * 50), fold=3)
    >>> len(split.train), len(split.val), len(split.test)
    (81, 9, 10)
    """
    if not 0 <= fold < folds:
        raise ValueError(f"fold={fold} must be between 0 and {folds - 1} (folds={folds})")
    try:
        outer = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
        rest, test = list(outer)[fold]
        train, val = train_test_split(rest, test_size=val_fraction, random_state=seed, stratify=labels[rest])
    except ValueError as error:  # of scikit-learn, for classes that are too small
        classes, sizes = np.unique(labels, return_counts=True)
        raise ValueError(
            f"folds={folds} cannot be stratified: class {classes[sizes.argmin()]} has {sizes.min()} of the "
            f"{len(labels)} labels ({error}); take fewer folds, give splits, or set the task to 'regression'"
        ) from error
    return Split(np.sort(train), np.sort(val), test)


def drawn_split(
    labels: np.ndarray, fold: int, folds: int = 10, val_fraction: float = 0.1, seed: int = 0
) -> Split:
    """One fold: stratified where labels are classes [G], shuffled where they are [G, T] or some missing."""
    if labels.ndim == 1 and not np.isnan(labels).any():
        return stratified_split(labels, fold, folds, val_fraction, seed)
    if folds > len(labels):
        raise ValueError(f"folds={folds} must be at most the number of labels, {len(labels)}")
    rest, test = list(KFold(folds, shuffle=True, random_state=seed).split(labels))[fold]
    train, val = train_test_split(rest, test_size=val_fraction, random_state=seed)
    return Split(np.sort(train), np.sort(val), test)


def part_names(split: Split, count: int) -> list[str]:
    """The part of each of ``count`` positions: "train", "val" or "test", or "" where it is in none."""
    names = np.full(count, "", dtype=object)
    for name, part in reversed(list(zip(Split._fields, split, strict=True))):
        names[part] = name
    return list(names)
