"""Cached arrays: whole or absent, through kills, damage and company."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tu_writer import write_tu

from gpool.data import TU
from gpool.data.files.array_cache import cached_arrays, checksum

FORK = multiprocessing.get_context("fork")


def arrays() -> dict[str, np.ndarray]:
    return {"a": np.arange(300).reshape(2, 150), "b": np.array([0.5, np.nan], dtype=np.float32)}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        one[k].dtype == other[k].dtype and np.array_equal(one[k], other[k], equal_nan=True) for k in one
    )


def never() -> dict[str, np.ndarray]:
    raise AssertionError("the file was there")


def run(work: Callable[[], object]) -> multiprocessing.process.BaseProcess:
    process = FORK.Process(target=work)
    process.start()
    return process


def test_made_once_and_again_under_another_key(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kept.npz"
    assert same(cached_arrays(path, "k1", arrays), arrays())
    assert same(cached_arrays(path, "k1", never), arrays())
    other = {"a": np.zeros(2)}
    assert same(cached_arrays(path, "k2", lambda: other), other)
    assert same(cached_arrays(path, "k2", never), other)


def test_the_key_tells_contents_names_order_and_version(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for text in ("1", "2"):
        paths[0].write_text(text)
        paths[1].write_text("3")
        keys = {checksum(paths, 1), checksum(paths, 2), checksum(paths[::-1], 1), checksum(paths[:1], 1)}
        assert len(keys) == 4
        assert checksum(paths, 1) in keys
    paths[1].write_text("23")
    paths[0].write_text("")
    assert checksum(paths, 1) not in keys


def test_damage_of_any_byte_and_any_length_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    cached_arrays(path, "k", arrays)
    whole, draw = path.read_bytes(), random.Random(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(draw.choice([1, 4])):
            damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        assert same(cached_arrays(path, "k", arrays), arrays())
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        assert same(cached_arrays(path, "k", arrays), arrays())
        assert same(cached_arrays(path, "k", never), arrays())


def test_a_place_that_cannot_be_written_is_said_and_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(UserWarning, match=r"file/kept\.npz cannot be written"):
        assert same(cached_arrays(tmp_path / "file" / "kept.npz", "k", arrays), arrays())


def test_a_full_disk_is_said_and_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert same(cached_arrays(tmp_path / "kept.npz", "k", arrays), arrays())
    assert not (tmp_path / "kept.npz").exists()


def test_a_link_at_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "kept.npz.part").symlink_to(tmp_path / "precious")
    cached_arrays(tmp_path / "kept.npz", "k", arrays)
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_file_is_readable_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        cached_arrays(tmp_path / "kept.npz", "k", arrays)
    finally:
        os.umask(before)
    assert (tmp_path / "kept.npz").stat().st_mode & 0o777 == 0o640


def graphs(root: Path) -> list[dict[str, torch.Tensor]]:
    return [graph.to_dict() for graph in TU("KILLED", root=root).graphs]


def equal(one: list[dict], other: list[dict]) -> bool:
    return len(one) == len(other) and all(
        a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
        for a, b in zip(one, other, strict=True)
    )


def test_a_set_survives_sigkill_at_any_moment(tmp_path: Path) -> None:
    write_tu(tmp_path, "KILLED", node_labels=True, attributes=True)
    expected = graphs(tmp_path)
    kept = tmp_path / "tu" / "KILLED" / "processed" / "gpool_attributes.npz"
    start = time.perf_counter()
    kept.unlink()
    graphs(tmp_path)
    whole, draw, killed = time.perf_counter() - start, random.Random(1), 0
    for _ in range(40):
        kept.unlink(missing_ok=True)
        process = run(lambda: graphs(tmp_path))
        time.sleep(draw.uniform(0, 2 * whole))
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        assert equal(graphs(tmp_path), expected)
    assert killed >= 10


@pytest.mark.parametrize("moment", ["half of the file is written", "before the renaming"])
def test_a_set_survives_sigkill_at_the_worst_moments(tmp_path: Path, moment: str) -> None:
    write_tu(tmp_path, "KILLED", node_labels=True)

    def die() -> None:
        def half(file: object, **_: object) -> None:
            file.write(b"PK\3\4 half")  # type: ignore[attr-defined]
            file.flush()  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGKILL)

        if moment == "before the renaming":
            Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, return-value]
        else:
            np.savez = half
        graphs(tmp_path)

    for _ in range(3):
        process = run(die)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    kept = tmp_path / "tu" / "KILLED" / "processed" / "gpool_labels.npz"
    assert not kept.exists()
    expected = [graph.to_dict() for graph in TU("KILLED", root=tmp_path, attributes="none").graphs]
    assert kept.exists()
    assert equal(graphs(tmp_path), expected)


def test_processes_at_once_on_fresh_data_all_succeed(tmp_path: Path) -> None:
    write_tu(tmp_path, "KILLED", node_labels=True)
    barrier = FORK.Barrier(4)

    def work() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            barrier.wait()
            assert len(graphs(tmp_path)) == 20

    for _ in range(10):
        for file in (tmp_path / "tu" / "KILLED" / "processed").glob("*"):
            file.unlink()
        processes = [run(work) for _ in range(4)]
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4
