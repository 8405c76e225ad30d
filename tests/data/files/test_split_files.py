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


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"train": [4, 5, 20], "test": [0]},
            r"train_idx-1\.txt, line 3: position 20 must be one of 0 \.\. 19",
        ),
        (
            {"train": [4, 5], "test": [0, 5]},
            r"test_idx-1\.txt, line 2: graph 5 .*.* is at .*train_idx-1\.txt, line 2 too",
        ),
        ({"train": [4, 5, 4], "test": [0]}, r"train_idx-1\.txt, line 3: graph 4 .*.* it is at .*line 1 too"),
        ({"train": [4, 5], "test": []}, r"test_idx-1\.txt is empty"),
        ({"train": [4, "5.5"], "test": [0]}, r"train_idx-1\.txt, line 2: '5\.5' must be an integer"),
        ({"train": [4, "nan"], "test": [0]}, r"train_idx-1\.txt, line 2: 'nan' must be an integer"),
        ({"train": ["4 5"], "test": [0]}, r"train_idx-1\.txt, line 1: '4 5' must be an integer"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, parts, message):
    with pytest.raises(ValueError, match=message):
        read_split(folder(tmp_path, **parts), 0, LABELS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON file"),
        ("", "is no JSON file"),
        ("{}", "must hold a list of folds, it holds dict"),
        ("[3]", r"has no \[0\]\.model_selection\[0\]\.train"),
        ('[{"test": [1]}]', r"has no \[0\]\.model_selection\[0\]\.train"),
        (
            '[{"test": 1, "model_selection": [{"train": [2], "validation": [3]}]}]',
            r"\[0\]\.test must be a list",
        ),
        (
            '[{"test": [1], "model_selection": [{"train": [2.5], "validation": [3]}]}]',
            r"train\[0\]: 2\.5 must be an",
        ),
        (
            '[{"test": [true], "model_selection": [{"train": [2], "validation": [3]}]}]',
            r"test\[0\]: True must be an",
        ),
        ('[{"test": [], "model_selection": [{"train": [2], "validation": [3]}]}]', r"\[0\]\.test is empty"),
        (
            '[{"test": [1], "model_selection": [{"train": [2], "validation": [3, 2]}]}]',
            r"validation\[1\]: graph 2 stands",
        ),
        (
            '[{"test": [1], "model_selection": [{"train": [2, 99], "validation": [3]}]}]',
            r"train\[1\]: position 99 must",
        ),
    ],
)
def test_a_damaged_json_file_is_named(tmp_path, text, message):
    path = tmp_path / "splits.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as told:
        read_split(path, 0, LABELS)
    assert str(path) in str(told.value)
