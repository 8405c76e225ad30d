"""TU files: equal to PyG's reading, and what is wrong in them is named with file and line."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from payload import Payload
from torch_geometric.datasets import TUDataset
from tu_writer import write_tu

from gpool.data import TU, MissingData

ROOT = Path(os.environ.get("GPOOL_DATA", "data"))


def assert_equal_to_pyg(name: str, root: Path, attributes: bool) -> None:
    ours, theirs = (
        TU(name, root=root, attributes="raw" if attributes else "none").graphs,
        TUDataset(root / "tu", name, use_node_attr=attributes),
    )
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.num_nodes == b.num_nodes
        for key in ("x", "edge_index", "edge_attr", "y"):
            if key == "x" and (b.x is None or b.num_node_features == 0):
                continue  # ours are degrees
            one, other = a.get(key), b.get(key)
            assert (one is None) == (other is None), key
            assert one is None or (one.dtype == other.dtype and torch.equal(one, other)), key


@pytest.mark.parametrize("attributes", [True, False])
def test_a_written_set_is_pygs(tmp_path: Path, attributes: bool) -> None:
    write_tu(tmp_path, "BOTH", node_labels=True, attributes=True)
    raw = tmp_path / "tu" / "BOTH" / "raw"
    lines = (raw / "BOTH_A.txt").read_text().splitlines()
    text = [*lines, lines[3], "5, 5"]  # an edge twice, and a loop
    (raw / "BOTH_A.txt").write_text("\n".join(text) + "\n")
    labels = "\n".join(f"{i % 3 + 4}" for i in range(len(text)))
    (raw / "BOTH_edge_labels.txt").write_text(labels + "\n")
    assert_equal_to_pyg("BOTH", tmp_path, attributes)


@pytest.mark.parametrize("name", ["MUTAG", "PTC_MR", "ENZYMES", "PROTEINS", "IMDB-BINARY"])
def test_real_sets_are_pygs(name: str, tmp_path: Path) -> None:
    if not (ROOT / "tu" / name / "raw").is_dir():
        pytest.skip(f"GPOOL_DATA has no tu/{name}")
    (tmp_path / "tu" / name).mkdir(parents=True)
    (tmp_path / "tu" / name / "raw").symlink_to((ROOT / "tu" / name / "raw").resolve())
    for attributes in (True, False):
        assert_equal_to_pyg(name, tmp_path, attributes)


def line(path: Path, number: int, text: str | None) -> None:
    lines = path.read_text().splitlines()
    lines[number - 1 : number] = [] if text is None else [text]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("part", "number", "text", "message"),
    [
        ("A", 5, "3, 4", r"S_A\.txt, line 5: edge 3, 4 joins graph 1 to graph 2"),
        ("A", 2, "1, 0", r"S_A\.txt, line 2: edge 1, 0 names a node outside 1 \.\. 79"),
        ("A", 2, "1, 80", r"line 2: edge 1, 80 names a node outside"),
        ("A", 2, "1", r"line 2: '1' must be 2 integers"),
        ("A", 7, "1, x", r"line 7: '1, x' must be 2 integers"),
        ("A", 7, "", r"line 7: '' must be 2 integers"),
        ("graph_indicator", 3, "2", r"S_A\.txt, line 3: edge 2, 3 joins graph 1 to graph 2"),
        (
            "graph_indicator",
            4,
            "3",
            r"graph_indicator\.txt, line 4: graph 3 follows 1; the nodes must be sorted",
        ),
        ("graph_indicator", 9, "1", r"line 9: graph 1 follows 3"),
        ("graph_indicator", 1, "0", r"line 1: graph 0 comes first"),
        ("graph_indicator", 79, None, r"S_A\.txt, line \d+: edge .* names a node outside 1 \.\. 78"),
        ("graph_labels", 20, None, r"graph_labels\.txt has 19 lines; it must have 20"),
        ("graph_labels", 2, "nan", r"graph_labels\.txt, line 2: 'nan' must be an integer"),
        ("node_attributes", 4, "nan, 1", r"node_attributes\.txt, line 4: 'nan, 1' must be 2 finite numbers"),
        ("node_attributes", 4, "1e39, 1", r"node_attributes\.txt, line 4: .*not finite"),
        ("node_attributes", 4, "inf, 1", r"node_attributes\.txt, line 4: .*not finite"),
        ("node_attributes", 9, None, r"node_attributes\.txt has 78 lines; it must have 79"),
        (
            "node_labels",
            6,
            "1000000",
            r"node_labels\.txt, line 6: label 1000000 makes a one-hot of 1000001 columns",
        ),
        (
            "node_labels",
            9,
            None,
            r"node_labels\.txt has 78 lines; it must have 79, one for each of the nodes",
        ),
        (
            "edge_labels",
            9,
            None,
            r"edge_labels\.txt has 117 lines; it must have 118, one for each of the edges",
        ),
    ],
)
def test_damage_is_named(tmp_path: Path, part: str, number: int, text: str | None, message: str) -> None:
    write_tu(tmp_path, "S", node_labels=True, attributes=True)
    raw = tmp_path / "tu" / "S" / "raw"
    edges = len((raw / "S_A.txt").read_text().splitlines())
    (raw / "S_edge_labels.txt").write_text("0\n" * edges)
    _ = TU("S", root=tmp_path).graphs
    line(raw / f"S_{part}.txt", number, text)
    with pytest.raises(ValueError, match=message):  # although an intact cache is there
        _ = TU("S", root=tmp_path).graphs


def test_wide_labels_that_are_in_use_are_read(tmp_path: Path) -> None:
    write_tu(tmp_path, "WIDE", node_labels=True)
    path = tmp_path / "tu" / "WIDE" / "raw" / "WIDE_node_labels.txt"
    path.write_text("".join(f"{10 * i}\n" for i in range(79)))
    assert TU("WIDE", root=tmp_path).num_features == 781


def test_a_changed_set_is_parsed_again(tmp_path: Path) -> None:
    write_tu(tmp_path, "S", node_labels=True)
    assert TU("S", root=tmp_path).graphs[0].x.argmax(1).tolist() == [0, 1, 0]
    line(tmp_path / "tu" / "S" / "raw" / "S_node_labels.txt", 1, "1")
    assert TU("S", root=tmp_path).graphs[0].x.argmax(1).tolist() == [1, 1, 0]


@pytest.mark.parametrize("file", ["pre_transform.pt", "pre_filter.pt", "data.pt", "gpool_attributes.npz"])
def test_nothing_in_the_data_root_is_run(tmp_path: Path, file: str) -> None:
    write_tu(tmp_path, "S", node_labels=True)
    trace, processed = tmp_path / "trace", tmp_path / "tu" / "S" / "processed"
    processed.mkdir()
    torch.save(Payload(trace), processed / file)
    assert len(TU("S", root=tmp_path).graphs) == 20
    assert not trace.exists()
    torch.load(processed / "data.pt", weights_only=False) if file == "data.pt" else None
    assert trace.exists() == (file == "data.pt")  # the payload does work


@pytest.mark.parametrize(
    "change",
    [
        {"edge_index": np.full((2, 118), 10**6, dtype=np.int32)},
        {"edge_index": np.full((2, 118), -1, dtype=np.int32)},
        {"edge_index": np.zeros((2, 117), dtype=np.int32)},
        {"labels": np.full((79, 1), 10**9, dtype=np.int32)},
        {"labels": np.full((79, 1), -1, dtype=np.int32)},
        {"nodes": np.array([{}])},
    ],
)
def test_a_hostile_cache_is_made_again(tmp_path: Path, change: dict[str, np.ndarray]) -> None:
    write_tu(tmp_path, "S", node_labels=True)
    expected = [graph.to_dict() for graph in TU("S", root=tmp_path).graphs]
    path = tmp_path / "tu" / "S" / "processed" / "gpool_attributes.npz"
    held = dict(np.load(path))
    assert held["edge_index"].shape == (2, 118)
    np.savez(path, **(held | change))  # under the right key
    for graph, whole in zip(TU("S", root=tmp_path).graphs, expected, strict=True):
        assert torch.equal(graph.edge_index, whole["edge_index"])
        assert torch.equal(graph.x, whole["x"])


@pytest.mark.parametrize("name", ["../../x", "/x", "a/b", "..", ".hidden", "a\\b", "", "a b", "a\n"])
def test_a_name_that_is_a_path_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be letters, digits"):
        TU(name, root=tmp_path / "root")
    assert list(tmp_path.iterdir()) == []


def archive(folder: Path, name: str, files: dict[str, str]) -> None:
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as held:
        for file, text in files.items():
            held.writestr(file, text)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "server"
    folder.mkdir()
    monkeypatch.setattr(TUDataset, "url", folder.as_uri())
    return folder


def test_a_set_is_fetched_and_unpacked(server: Path, tmp_path: Path) -> None:
    write_tu(tmp_path / "made", "S", node_labels=True)
    raw = tmp_path / "made" / "tu" / "S" / "raw"
    archive(
        server, "S", {"S/README.txt": "", **{f"S/{path.name}": path.read_text() for path in raw.iterdir()}}
    )
    data = TU("S", root=tmp_path / "root")
    assert data.num_features == 2
    assert sorted(p.name for p in (tmp_path / "root" / "tu" / "S" / "raw").iterdir()) == sorted(
        ["README.txt", *(path.name for path in raw.iterdir())]
    )
    assert [p.name for p in (tmp_path / "root" / "tu").iterdir() if not p.name.endswith(".lock")] == ["S"]


@pytest.mark.parametrize(
    "member", ["../evil.txt", "S/../../evil.txt", "/evil.txt", "S/..\\evil.txt", "C:/evil.txt"]
)
def test_an_archive_does_not_leave_its_folder(server: Path, tmp_path: Path, member: str) -> None:
    archive(server, "S", {"S/S_A.txt": "1, 2\n", member: "evil"})
    with pytest.raises(MissingData, match="a file outside its folder"):
        _ = TU("S", root=tmp_path / "root").graphs
    assert not list(tmp_path.rglob("evil.txt"))
    assert not (tmp_path / "root" / "tu" / "S").exists()


def test_an_archive_that_ends_early_leaves_nothing(server: Path, tmp_path: Path) -> None:
    archive(server, "S", {"S/S_A.txt": "1, 2\n" * 1000})
    path = server / "S.zip"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(MissingData, match="is not a whole zip archive"):
        _ = TU("S", root=tmp_path / "root").graphs
    assert not (tmp_path / "root" / "tu" / "S").exists()
