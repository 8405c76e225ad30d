"""Published folds: both layouts, and files that do not fit the set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gpool.data import read_split

LABELS = np.array([0, 1] * 10)


def folder(path: Path, **parts: list[int]) -> Path:
    for part, positions in parts.items():
        (path / f"{part}_idx-1.txt").write_text("".join(f"{i}\n" for i in positions))
    return path


def test_a_folder_with_three_parts(tmp_path):
    split = read_split(folder(tmp_path, train=[5, *range(6, 20)], val=[4, 3], test=[2, 0, 1]), 0, LABELS)
    assert split.train.tolist() == list(range(5, 20))
    assert split.val.tolist() == [3, 4]
    assert split.test.tolist() == [0, 1, 2]


def test_a_folder_without_a_validation_part(tmp_path):
    path = folder(tmp_path, train=list(range(4, 20)), test=[0, 1, 2])
    split = read_split(path, 0, LABELS, val_fraction=0.25)
    assert len(split.val) == 4
    assert LABELS[split.val].sum() == 2
    assert sorted([*split.train, *split.val]) == list(range(4, 20))
    again = read_split(path, 0, LABELS, val_fraction=0.25)
    assert all(np.array_equal(a, b) for a, b in zip(split, again, strict=True))


def test_a_json_file(tmp_path):
    fold = {"test": [0, 1], "model_selection": [{"train": [3, 2], "validation": [4]}]}
    path = tmp_path / "splits.json"
    path.write_text(json.dumps([{"test": [9], "model_selection": [{"train": [8], "validation": [7]}]}, fold]))
    split = read_split(path, 1, LABELS)
    assert [part.tolist() for part in split] == [[2, 3], [4], [0, 1]]
    with pytest.raises(FileNotFoundError, match="has 2 folds"):
        read_split(path, 2, LABELS)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train_idx-3\.txt"):
        read_split(tmp_path, 2, LABELS)
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        read_split(tmp_path / "none.json", 0, LABELS)


def test_positions_that_do_not_fit(tmp_path):
    with pytest.raises(ValueError, match=r"0 \.\. 19"):
        read_split(folder(tmp_path, train=[1, 20], val=[2], test=[3]), 0, LABELS)
    with pytest.raises(ValueError, match="two parts"):
        read_split(folder(tmp_path, train=[1, 2], val=[2], test=[3]), 0, LABELS)


def test_positions_are_checked_before_a_validation_part_is_drawn(tmp_path):
    for wrong in (20, -1):
        with pytest.raises(ValueError, match=r"0 \.\. 19"):
            read_split(folder(tmp_path, train=[*range(4, 20), wrong], test=[0, 1]), 0, LABELS)
