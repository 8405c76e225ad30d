"""Pickled arrays: equal to what pickle reads, and nothing else is read or run."""

from __future__ import annotations

import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from payload import Payload
from scipy.sparse import csr_matrix

from gpool.data.files.array_pickle import read_pickle


def written(folder: Path, content: bytes) -> Path:
    path = folder / "ind.cora.x"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "int64", ">f8", "uint8"])
def test_arrays_and_matrices_are_what_pickle_reads(tmp_path: Path, protocol: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    dense = rng.integers(0, 3, (5, 7)).astype(dtype)
    for array in (dense, np.asfortranarray(dense), dense[0]):
        found = read_pickle(written(tmp_path, pickle.dumps(array, protocol)))
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)
    sparse = csr_matrix(dense.astype("float32"))
    found = read_pickle(written(tmp_path, pickle.dumps(sparse, protocol)))
    assert np.array_equal(found, sparse.toarray())


def test_a_dict_of_lists(tmp_path: Path) -> None:
    graph = defaultdict(list, {0: [1, 2], 1: [0], 2: [0]})
    assert read_pickle(written(tmp_path, pickle.dumps(graph, 2))) == dict(graph)


def test_repeated_entries_of_a_matrix_add_up(tmp_path: Path) -> None:
    sparse = csr_matrix((np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
    assert read_pickle(written(tmp_path, pickle.dumps(sparse))).tolist() == [[0, 3], [4, 0]]


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    for value in (Payload(trace), {0: [Payload(trace)]}, np.array([Payload(trace)], dtype=object)):
        path = written(tmp_path, pickle.dumps(value, protocol))
        with pytest.raises(ValueError, match=r"ind\.cora\.x is no pickled array of the Planetoid"):
            read_pickle(path)
        assert not trace.exists()


def sparse_with(**changes: Any) -> csr_matrix:
    matrix = csr_matrix(np.eye(3, 4))
    for name, value in changes.items():
        setattr(matrix, name, value)
    return matrix


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": np.array([0, 1, 10**6])}, r"a column outside 0 \.\. 3"),
        ({"indices": np.array([0, 1, -1])}, r"a column outside 0 \.\. 3"),
        ({"indptr": np.array([0, 10**6, 2, 3])}, "do not make a matrix of 3 x 4"),
        ({"indptr": np.array([0, 1, 3])}, "do not make a matrix of 3 x 4"),
        ({"indices": np.array([0, 1])}, "do not make a matrix of 3 x 4"),
        ({"data": np.ones(2)}, "do not make a matrix of 3 x 4"),
        ({"_shape": (3, 10**12)}, "do not make a matrix"),
        ({"indices": None}, "no pickled array"),
        ({"_shape": None}, "no pickled array"),
    ],
)
def test_a_matrix_that_would_corrupt_memory_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    path = written(tmp_path, pickle.dumps(sparse_with(**changes)))
    with pytest.raises(ValueError, match=message):
        read_pickle(path)


def test_damage_of_any_byte_is_an_error_or_another_array(tmp_path: Path) -> None:
    whole, rng = pickle.dumps(csr_matrix(np.eye(4, 5, dtype="float32")), 2), np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path = written(tmp_path, bytes(damaged))
        try:
            read_pickle(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            refused += 1
    assert refused > 300
    for length in range(0, len(whole), 7):
        with pytest.raises(ValueError, match="no pickled array"):
            read_pickle(written(tmp_path, whole[:length]))
