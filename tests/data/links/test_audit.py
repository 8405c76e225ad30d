"""The audit of a split: every rule, and that the splits of the package and those published keep them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from gpool.data import Links, LinkSplit, PublishedSplit, RandomSplit
from gpool.data.links.audit import audit_parts

ROOT = Path(os.environ.get("GPOOL_DATA", "data"))
SETS = ("USAir", "NS", "PB", "Yeast", "Celegans", "Power")
LINKS = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [0, 5]])


def parts(**changes: list) -> dict[str, torch.Tensor]:
    made = {
        "train_pos": LINKS[:4],
        "train_neg": torch.tensor([[0, 2], [1, 3], [2, 4], [5, 3]]),
        "test_pos": LINKS[4:],
        "test_neg": torch.tensor([[4, 0], [1, 5]]),
    }
    return made | {name: torch.tensor(pairs) for name, pairs in changes.items()}


def test_a_whole_split_passes() -> None:
    audit_parts(parts(), 6)
    audit_parts(parts(), 6, links=LINKS)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"test_pos": [[4, 5], [2, 1]]},
            r"FILE: test_pos\[1\] = \(2, 1\) is train_pos\[1\] too; a link must",
        ),
        (
            {"test_neg": [[0, 4], [5, 4]]},
            r"test_neg\[1\] = \(5, 4\) is test_pos\[0\] too; a negative must be no",
        ),
        (
            {"test_neg": [[0, 4], [3, 2]]},
            r"test_neg\[1\] = \(3, 2\) is train_pos\[2\] too; a negative must be no",
        ),
        (
            {"train_neg": [[1, 0]]},
            r"train_neg\[0\] = \(1, 0\) is train_pos\[0\] too; a negative must be no link",
        ),
        ({"train_neg": [[0, 2], [3, 3]]}, r"train_neg\[1\] = \(3, 3\) joins a node to itself"),
        ({"test_pos": [[4, 5], [0, 6]]}, r"test_pos\[1\] = \(0, 6\) holds a node outside 0 \.\. 5"),
        ({"test_neg": [[-1, 5]]}, r"test_neg\[0\] = \(-1, 5\) holds a node outside"),
        (
            {"test_neg": [[1.0, 5.0]]},
            r"test_neg of shape \(1, 2\) and torch.float32 must be \[\., 2\] of integers",
        ),
        ({"test_neg": [1, 5]}, r"test_neg of shape \(2,\)"),
    ],
)
def test_every_split_keeps_these_rules(changes: dict, message: str, strict: bool) -> None:
    with pytest.raises(ValueError, match=message):
        audit_parts(parts(**changes), 6, "FILE", LINKS if strict else None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train_neg": [[5, 4]]},
            r"train_neg\[0\] = \(5, 4\) is test_pos\[0\] too; a negative must be no link",
        ),
        (
            {"test_neg": [[0, 4], [2, 0]]},
            r"test_neg\[1\] = \(2, 0\) is train_neg\[0\] too; a negative must stand",
        ),
        ({"test_pos": [[4, 5], [0, 3]]}, r"test_pos\[1\] = \(0, 3\) is no link of the graph"),
        (
            {"test_pos": [[4, 5], [5, 0], [5, 4]]},
            r"test_pos\[2\] = \(5, 4\) is test_pos\[0\] too; a pair must",
        ),
        (
            {"train_neg": [[0, 2], [2, 0]]},
            r"train_neg\[1\] = \(2, 0\) is train_neg\[0\] too; a pair must stand",
        ),
        ({"test_pos": [[4, 5]]}, r"FILE leaves out 1 of the graph's 6 links, the first is \(0, 5\)"),
    ],
)
def test_a_split_of_a_known_graph_keeps_more(changes: dict, message: str) -> None:
    audit_parts(parts(**changes), 6, "FILE")
    with pytest.raises(ValueError, match=message):
        audit_parts(parts(**changes), 6, "FILE", LINKS)


@pytest.mark.parametrize("negatives", ["random", "per-source"])
def test_drawn_splits_pass(negatives: str) -> None:
    graph = Links().graph
    for seed in range(10):
        data = Links(split=RandomSplit(seed=seed), negatives=negatives, negatives_per_link=2)  # type: ignore[arg-type]
        split = data.split
        audit_parts(split.parts(), graph.num_nodes)
        assert Links(graph=graph, split=split).split is split


def test_a_split_of_ones_own_is_audited() -> None:
    made = parts()
    wrong = LinkSplit(
        made["train_pos"],
        made["train_neg"],
        made["test_pos"],
        made["test_neg"],
        made["test_pos"],
        made["test_neg"],
    )
    data = Links.from_edges(LINKS.t(), split=wrong)
    with pytest.raises(ValueError, match=r"split: test_pos\[0\] = \(4, 5\) is val_pos\[0\] too"):
        data.setup()
    with pytest.raises(ValueError, match="negatives='random' must be 'given': a split of your own"):
        Links.from_edges(LINKS.t(), split=wrong, negatives="random")


def test_groups_of_negatives_are_checked() -> None:
    made = parts()
    args = (
        made["train_pos"],
        made["train_neg"],
        made["test_pos"],
        made["test_neg"],
        made["test_pos"],
        made["test_neg"],
    )
    with pytest.raises(
        ValueError, match=r"test_group\[1\] = 2 must be one of 0 \.\. 1, the rows of test_pos"
    ):
        LinkSplit(*args, test_group=torch.tensor([0, 2]))
    with pytest.raises(
        ValueError, match=r"val_group of shape \(3,\) must be one position for each row of val_neg"
    ):
        LinkSplit(*args, val_group=torch.tensor([0, 1, 1]))


@pytest.mark.parametrize("name", SETS)
def test_published_splits_pass(name: str) -> None:
    if not (ROOT / "splits" / "walkpool_links").is_dir():
        pytest.skip("GPOOL_DATA has no splits/walkpool_links")
    for share in (90, 50):
        for fold in (0, 9):
            assert Links(name, root=ROOT, split=PublishedSplit(share), fold=fold).split.test_pos.size(0) > 0


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The graph above as USAir, with its first published split."""
    rows, columns = torch.cat([LINKS, LINKS.flip(1)]).t().numpy()
    (tmp_path / "links").mkdir()
    savemat(
        tmp_path / "links" / "USAir.mat", {"net": csc_matrix((np.ones(12), (rows, columns)), shape=(6, 6))}
    )
    folder = tmp_path / "splits" / "walkpool_links" / "splitted"
    folder.mkdir(parents=True)
    path = folder / "USAir_split_1.mat"
    savemat(path, {name: (pairs.numpy() + 1).astype(np.uint16) for name, pairs in parts().items()})
    return path


def test_a_published_split_counts_from_1(published: Path) -> None:
    split = Links("USAir", root=published.parents[3]).split
    assert split.test_pos.tolist() == LINKS[4:].tolist()
    assert split.train_pos.size(0) + split.val_pos.size(0) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_pos": LINKS[:4].numpy() + 1}, r"test_pos\[0\] = \(0, 1\) is train_pos\[0\] too"),
        ({"test_neg": LINKS[4:].numpy() + 1}, r"test_neg\[0\] = \(4, 5\) is test_pos\[0\] too"),
        ({"train_neg": np.array([[3, 3]])}, r"train_neg\[0\] = \(2, 2\) joins a node to itself"),
        ({"train_neg": np.array([[0, 3]])}, r"train_neg\[0\] = \(-1, 2\) holds a node outside 0 \.\. 5"),
        ({"train_neg": np.array([[7, 3]])}, r"train_neg\[0\] = \(6, 2\) holds a node outside 0 \.\. 5"),
        (
            {"train_neg": np.array([[1, 3], [np.nan, 2]])},
            r"train_neg\[1\] = \[nan, 2\.0\] must be two integers",
        ),
        (
            {"train_neg": np.array([[1, 3], [2.5, 2]])},
            r"train_neg\[1\] = \[2\.5, 2\.0\] must be two integers",
        ),
        ({"train_neg": np.array([[1, 3, 4]])}, "train_neg must be a matrix of two columns"),
        ({"train_neg": "text"}, "train_neg must be a matrix of two columns"),
        ({"train_neg": None}, "has no variable train_neg"),
    ],
)
def test_a_damaged_published_split_is_named(published: Path, changes: dict, message: str) -> None:
    held = {name: value for name, value in loadmat(published).items() if not name.startswith("__")} | changes
    savemat(published, {name: value for name, value in held.items() if value is not None})
    with pytest.raises(ValueError, match=message) as told:
        Links("USAir", root=published.parents[3]).setup()
    assert str(published) in str(told.value)


def test_a_file_that_is_no_matlab_file_is_named(published: Path) -> None:
    content = published.read_bytes()
    for wrong in (content[: len(content) // 2], b"", b"garbage" * 100):
        published.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"USAir_split_1\.mat"):
            Links("USAir", root=published.parents[3]).setup()


def test_a_damaged_graph_is_named(published: Path) -> None:
    path = published.parents[3] / "links" / "USAir.mat"
    damaged = csc_matrix(np.eye(6))
    damaged.indices = np.array([0, 1, 2, 3, 4, 10**6], dtype=np.int32)
    for wrong, message in (
        ({"other": np.eye(3)}, "has no variable net"),
        ({"net": csc_matrix(np.ones((3, 4)))}, "net must be a square sparse matrix"),
        ({"net": np.ones((3, 3))}, "net must be a square sparse matrix"),
        ({"net": csc_matrix(np.array([[0, np.nan], [1, 0]]))}, "net holds a number that is not finite"),
        ({"net": damaged}, "net is a damaged sparse matrix"),
    ):
        savemat(path, wrong)
        with pytest.raises(ValueError, match=message) as told:
            _ = Links("USAir", root=published.parents[3]).graph
        assert str(path) in str(told.value)


def test_an_entry_of_zero_is_no_link(published: Path) -> None:
    path = published.parents[3] / "links" / "USAir.mat"
    net = csc_matrix((np.array([1.0, 0.0]), (np.array([0, 1]), np.array([1, 2]))), shape=(3, 3))
    savemat(path, {"net": net})
    assert Links("USAir", root=published.parents[3]).graph.pairs.tolist() == [[0, 1]]
