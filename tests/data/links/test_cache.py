"""The cache of subgraphs on disk: damage is noticed and mended, whatever it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import gpool.data.files.checked_arrays as checked_arrays
from gpool.data.files.checked_arrays import CheckedArrays, DamagedArrays
from gpool.data.links.cache import ARRAYS, SubgraphCache
from gpool.ops.subgraph import enclosing_subgraphs
from gpool.ops.subgraph.adjacency import Adjacency
from gpool.ops.subgraph.distance_labels import drnl
from gpool.ops.subgraph.record import EnclosingSubgraphs

generator = torch.Generator().manual_seed(0)
GRAPH = Adjacency.from_edges(torch.randint(40, (2, 90), generator=generator), 40)
PAIRS = torch.stack([torch.arange(20), torch.arange(20) + 7], dim=1)
INDEX = torch.tensor([3, 19, 3, 8])


def cache(root: Path) -> SubgraphCache:
    return SubgraphCache(root, GRAPH, PAIRS, num_hops=1, labels=True, chunk=6)


def assert_right(found: tuple[EnclosingSubgraphs, Tensor | None]) -> None:
    right = enclosing_subgraphs(GRAPH, PAIRS[INDEX], num_hops=1)
    for name in ("edge_index", "is_target", "target", "batch", "node", "rowptr", "order", "end_slot"):
        assert torch.equal(getattr(found[0], name), getattr(right, name)), name
    assert torch.equal(found[1], drnl(right))


def read_all(kept: SubgraphCache) -> None:
    assert_right(kept.select(INDEX))
    for k in range(20):
        kept.select(torch.tensor([k]))


def zeroed(held: bytes) -> bytes:
    return bytes(len(held))


def truncated(held: bytes) -> bytes:
    return held[:-4]


def longer(held: bytes) -> bytes:
    return held + b"\1\0\0\0"


def flipped(held: bytes) -> bytes:
    middle = len(held) // 2
    return held[:middle] + bytes([held[middle] ^ 16]) + held[middle + 1 :]


def far(held: bytes) -> bytes:
    return np.full(len(held) // 4, 100_000, np.int32).tobytes() + held[len(held) // 4 * 4 :]


def removed(held: bytes) -> None:
    return None


FILES = [*(f"{name}.bin" for name in ARRAYS), "checksums.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [zeroed, truncated, longer, flipped, far, removed])
def test_damage_is_noticed_and_mended(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes | None]
) -> None:
    path = cache(tmp_path).folder / name
    held = damage(path.read_bytes())
    path.unlink()
    if held is not None:
        path.write_bytes(held)
    with pytest.warns(UserWarning, match=rf"{path}.*the cache is made again"):
        read_all(cache(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_right(cache(tmp_path).select(INDEX))
    assert [p.name for p in tmp_path.iterdir()] == [path.parent.name]


@pytest.mark.parametrize("name", [name for name in ARRAYS if name not in ("nodes", "edges")])
@pytest.mark.parametrize("damage", [zeroed, flipped, far])
def test_damage_after_the_cache_was_opened(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    kept, other = cache(tmp_path), cache(tmp_path)
    path = kept.folder / f"{name}.bin"
    held = damage(path.read_bytes())
    with path.open("r+b") as file:
        file.write(held)
    with pytest.warns(UserWarning, match=rf"{path} is damaged between bytes .*the cache is made again"):
        read_all(kept)
    assert_right(kept.select(INDEX))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_right(other.select(INDEX))  # opened before, so it finds the damage too


def test_a_chunk_is_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = cache(tmp_path)
    read = []
    crc32 = checked_arrays.zlib.crc32
    monkeypatch.setattr(checked_arrays.zlib, "crc32", lambda held: read.append(len(held)) or crc32(held))
    kept.select(torch.tensor([0, 5, 13]))  # of the first and the third chunk
    assert len(read) == 2 * len(ARRAYS)
    kept.select(torch.tensor([1, 12]))
    assert len(read) == 2 * len(ARRAYS)
    kept.select(torch.tensor([7]))
    assert len(read) == 3 * len(ARRAYS)


def test_chunks_of_another_size_are_read(tmp_path: Path) -> None:
    cache(tmp_path)
    assert_right(SubgraphCache(tmp_path, GRAPH, PAIRS, num_hops=1, labels=True, chunk=256).select(INDEX))
    assert len(list(tmp_path.iterdir())) == 1


def test_no_pairs_and_wrong_positions(tmp_path: Path) -> None:
    empty = SubgraphCache(tmp_path, GRAPH, PAIRS[:0])
    assert empty.select(torch.zeros(0, dtype=torch.long))[0].num_graphs == 0
    kept = cache(tmp_path)
    for wrong in (20, -1):
        with pytest.raises(ValueError, match=rf"index holds {wrong}; ids must be 0 \.\. 19"):
            kept.select(torch.tensor([0, wrong]))


def test_a_process_that_was_first_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = checked_arrays._fill

    def slow(*parts: object) -> None:
        fill(*parts)
        monkeypatch.setattr(checked_arrays, "_fill", fill)
        cache(tmp_path)  # another process, meanwhile

    monkeypatch.setattr(checked_arrays, "_fill", slow)
    assert_right(cache(tmp_path).select(INDEX))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*parts: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checked_arrays, "_fill", full)
    with pytest.raises(OSError, match="No space left"):
        cache(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    path = cache(tmp_path).folder / "node.bin"
    path.write_bytes(zeroed(path.read_bytes()))
    monkeypatch.setattr(checked_arrays, "_fill", full)
    with pytest.warns(UserWarning, match="is damaged"), pytest.raises(OSError, match="No space left"):
        cache(tmp_path).select(INDEX)


def test_arrays_name_the_file(tmp_path: Path) -> None:
    folder = cache(tmp_path).folder
    (folder / "source.bin").unlink()
    with pytest.raises(DamagedArrays, match=r"source\.bin is missing; \d+ were written"):
        CheckedArrays(folder, ARRAYS)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("labels", [False, True])
def test_a_large_cache_says_so_before_it_writes(tmp_path: Path, labels: bool) -> None:
    options = {"num_hops": 1, "labels": labels}
    kept = SubgraphCache(tmp_path / "whole", GRAPH, PAIRS, **options)
    written = sum((kept.folder / f"{name}.bin").stat().st_size for name in ARRAYS)
    assert kept.size() == written  # all of so few pairs are looked at
    assert 0.8 * written < kept.size(sample=10) < 1.25 * written
    SubgraphCache(tmp_path / "exact", GRAPH, PAIRS, **options, large=written)
    message = r"the cache of 20 subgraphs will take about \S+ GiB in .*large; Neighborhood\(cache=None\)"
    with pytest.raises(UserWarning, match=message):
        SubgraphCache(tmp_path / "large", GRAPH, PAIRS, **options, large=written - 1)
    assert not (tmp_path / "large").exists()


def test_an_edge_takes_eight_bytes(tmp_path: Path) -> None:
    folder = cache(tmp_path).folder
    edges = sum(enclosing_subgraphs(GRAPH, pair.view(1, 2), num_hops=1).num_edges for pair in PAIRS)
    held = {path.name: path.stat().st_size for path in folder.glob("*.bin")}
    small = ("node.bin", "degree.bin", "label.bin", "target.bin", "nodes.bin", "edges.bin")
    assert sum(held.values()) - sum(held[name] for name in small) == 8 * edges
