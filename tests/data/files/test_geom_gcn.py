"""WebKB and Wikipedia graphs: equal to PyG's reading, and what is wrong in their files is named."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from payload import Payload
from torch_geometric.datasets import WebKB

from gpool.data import Links
from gpool.data.files.geom_gcn import geom_gcn_files, parse

ROOT = Path(os.environ.get("GPOOL_DATA", "data"))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "webkb" / "texas" / "raw"
    folder.mkdir(parents=True)
    nodes, edges = geom_gcn_files(folder)
    nodes.write_text("node_id\tfeature\tlabel\n" + "".join(f"{i}\t{i % 2},1,{i}\t0\n" for i in range(6)))
    edges.write_text("node_id\tnode_id\n0\t1\n1\t2\n1\t0\n2\t2\n3\t5\n0\t1\n4\t5\n")
    return folder


def test_a_graph_is_read_and_read_back(raw: Path) -> None:
    for _ in "parse", "read back":
        graph = Links("texas", root=raw.parents[2]).graph
        assert graph.pairs.tolist() == [[0, 1], [1, 2], [3, 5], [4, 5]]
        assert graph.x.tolist() == [[i % 2, 1, i] for i in range(6)]


@pytest.mark.parametrize("name", ["texas", "wisconsin", "cornell"])
def test_real_sets_are_pygs(name: str, tmp_path: Path) -> None:
    source = ROOT / "webkb" / name / "raw"
    if not source.is_dir():
        pytest.skip(f"GPOOL_DATA has no webkb/{name}")
    (tmp_path / name).mkdir()
    (tmp_path / name / "raw").symlink_to(source.resolve())
    theirs, ours = WebKB(tmp_path, name)[0], parse(*geom_gcn_files(source))
    assert torch.equal(torch.from_numpy(ours["x"]), theirs.x)
    assert torch.equal(torch.from_numpy(ours["edge_index"]), theirs.edge_index)


@pytest.mark.parametrize("file", ["data.pt", "pre_transform.pt", "gpool.npz"])
def test_nothing_in_the_data_root_is_run(raw: Path, tmp_path: Path, file: str) -> None:
    (raw.parent / "processed").mkdir()
    torch.save(Payload(tmp_path / "trace"), raw.parent / "processed" / file)
    assert Links("texas", root=tmp_path).graph.num_nodes == 6
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("file", "number", "text", "message"),
    [
        (0, 3, "2\t0,1,2\t0", "line 3: node 2 must be 1; the nodes must be in order"),
        (0, 3, "1\t0,1\t0", "line 3: 2 features must be 3"),
        (0, 3, "1\t0,x,2\t0", "line 3 must be a node, its features and its label"),
        (0, 3, "1\t0,nan,2\t0", "line 3 holds a feature that is not finite"),
        (0, 3, "1\t0,1,2", "line 3 must have 3 fields with tabs between them"),
        (1, 2, "0\t6", r"line 2: edge 0, 6 names a node outside 0 \.\. 5"),
        (1, 2, "-1\t2", r"line 2: edge -1, 2 names a node outside"),
        (1, 2, "0\tx", "must hold two node numbers on every line"),
        (1, 2, "0", "line 2 must have 2 fields"),
    ],
)
def test_damage_is_named(raw: Path, file: int, number: int, text: str, message: str) -> None:
    path = geom_gcn_files(raw)[file]
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[: number - 1], text, *lines[number:]]) + "\n")
    with pytest.raises(ValueError, match=message) as told:
        _ = Links("texas", root=raw.parents[2]).graph
    assert str(path) in str(told.value)


def test_a_damaged_repaired_set_is_named(tmp_path: Path) -> None:
    path = tmp_path / "webkb" / "yandex_npz" / "cornell.npz"
    path.parent.mkdir(parents=True)
    whole = {"edges": np.array([[0, 1], [1, 2]]), "node_features": np.ones((3, 2))}
    np.savez(path, **whole)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Links("cornell", root=tmp_path).graph.pairs.tolist() == [[0, 1], [1, 2]]
    for change, message in (
        ({"edges": np.array([[0, 3]])}, "unknown node 3"),
        ({"edges": np.array([[0, -1]])}, "unknown node -1"),
        ({"node_features": np.full((3, 2), np.nan)}, "NaN or infinite features"),
        ({"node_features": np.array([{}])}, "is no archive of edges and node_features"),
    ):
        np.savez(path, **(whole | change))
        with pytest.raises(ValueError, match=message) as told:
            _ = Links("cornell", root=tmp_path).graph
        assert str(path) in str(told.value)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"cornell\.npz is no archive"):
        _ = Links("cornell", root=tmp_path).graph
