"""The audit of a split: every rule, and that the splits of the package and those published keep them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from gpool.data import LinkGraph, Links, LinkSplit, PublishedSplit, RandomSplit
from gpool.data.links import audit
from gpool.data.links.audit import ValidationEdges, audit_whole

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


GRAPH = LinkGraph.from_edges(LINKS.t())


def whole(**changes: list) -> LinkSplit:
    """Six links and six negatives of a ring of six nodes, in three parts."""
    made = {
        "train_pos": LINKS[:3],
        "train_neg": torch.tensor([[0, 2], [1, 3], [2, 4]]),
        "val_pos": LINKS[3:4],
        "val_neg": torch.tensor([[5, 3]]),
        "test_pos": LINKS[4:],
        "test_neg": torch.tensor([[4, 0], [1, 5]]),
    }
    allow = changes.pop("allow", ())
    return LinkSplit(**made | {name: torch.tensor(pairs) for name, pairs in changes.items()}, allow=allow)


def test_a_whole_split_passes() -> None:
    assert audit(whole(), GRAPH) == ()
    audit_whole(whole().parts(), GRAPH, "FILE")


LEAKS = [
    (
        {"test_pos": [[4, 5], [2, 1]]},
        r"split: observed: 1 of test_pos are also in train_pos, such as test_pos\[1\] = \(2, 1\)$",
    ),
    (
        {"val_pos": [[2, 1]]},
        r"observed: 1 of val_pos are also in train_pos, .* val_pos\[0\] = \(2, 1\)$",
    ),
    (
        {"test_pos": [[4, 5], [4, 3]]},
        r"link in two parts: 1 of test_pos are also in val_pos, such as test_pos\[1\] = \(4, 3\)$",
    ),
    (
        {"train_neg": [[5, 4]]},
        r"negative is a link: 1 of train_neg are links, .* train_neg\[0\] = \(5, 4\)$",
    ),
    ({"val_neg": [[5, 4]]}, r"negative is a link: 1 of val_neg are links, such as val_neg\[0\] = \(5, 4\)$"),
    (
        {"test_neg": [[0, 4], [3, 2], [5, 0]]},
        r"negative is a link: 2 of test_neg are links, such as test_neg\[1\] = \(3, 2\)$",
    ),
    (
        {"test_neg": [[0, 4], [2, 0]]},
        r"negative in two parts: 1 of test_neg are also in train_neg, such as test_neg\[1\] = \(2, 0\)$",
    ),
    (
        {"val_neg": [[0, 4]]},
        r"negative in two parts: 1 of test_neg are also in val_neg, such as test_neg\[0\] = \(4, 0\)$",
    ),
]


@pytest.mark.parametrize(("changes", "message"), LEAKS)
def test_every_leak_is_counted_with_an_example(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Links(graph=GRAPH, split=whole(**changes)).setup()


@pytest.mark.parametrize(("changes", "message"), LEAKS)
def test_a_leak_on_purpose_is_printed(changes: dict, message: str) -> None:
    leak = message.removeprefix("split: ").split(":")[0]
    data = Links(graph=GRAPH, split=whole(**changes, allow=(leak,)), neighborhood=None)
    with pytest.warns(UserWarning, match=message.removesuffix("$") + r", which allow=.* accepts"):
        data.setup()
    assert data.describe()["leaks"] == leak
    other = "link in two parts" if leak == "observed" else "observed"
    with pytest.raises(ValueError, match=message):
        Links(graph=GRAPH, split=whole(**changes, allow=(other,))).setup()
    with pytest.raises(ValueError, match="allow holds 'all'; it must hold some of 'observed', "):
        whole(allow=("all",))


def test_all_leaks_are_named_at_once() -> None:
    wrong = whole(train_neg=[[1, 0]], test_neg=[[3, 5], [4, 0]])
    with pytest.raises(ValueError, match=r"negative is a link: 1 of train.*; negative in two parts: 1"):
        audit(wrong, GRAPH)


def test_what_is_observed_depends_on_the_policy() -> None:
    """A test link that stands in the validation part too is seen when it is scored, but for one policy."""
    split = whole(test_pos=[[4, 5], [4, 3]], allow=("link in two parts",))
    with pytest.warns(UserWarning, match="link in two parts"):
        audit(split, GRAPH, "none")
    for policy in ("inference", "train+inference"):
        with pytest.raises(ValueError, match="observed: 1 of test_pos are also in val_pos"):
            audit(split, GRAPH, policy)  # type: ignore[arg-type]
        assert audit(whole(), GRAPH, policy) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_neg": [[0, 2], [3, 3]]}, r"1 of train_neg join a node to itself, such as train_neg\[1\]"),
        (
            {"test_pos": [[4, 5], [0, 6]]},
            r"1 of test_pos hold a node outside 0 \.\. 5, .* test_pos\[1\]",
        ),
        ({"test_neg": [[-1, 5], [7, 1]]}, r"2 of test_neg hold a node outside .* test_neg\[0\] = \(-1, 5\)"),
        ({"test_neg": [[1.0, 5.0]]}, r"test_neg of shape \(1, 2\) and torch.float32 must be \[\., 2\] of"),
    ],
)
def test_what_is_no_pair_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        audit(whole(**changes, allow=("negative is a link", "observed")), GRAPH)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_pos": [[4, 5], [0, 3]]}, r"FILE: test_pos\[1\] = \(0, 3\) is no link of the graph"),
        ({"test_pos": [[4, 5], [5, 0], [5, 4]]}, r"FILE: test_pos\[2\] = \(5, 4\) stands twice in test_pos"),
        ({"train_neg": [[0, 2], [2, 0]]}, r"train_neg\[1\] = \(2, 0\) stands twice in train_neg"),
        ({"test_pos": [[4, 5]]}, r"FILE leaves out 1 of the graph's 6 links, such as .* = \(0, 5\)"),
    ],
)
def test_a_published_split_is_the_whole_graph(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        audit_whole(parts(**changes), GRAPH, "FILE")


@pytest.mark.parametrize("negatives", ["random", "per-source"])
@pytest.mark.parametrize("seed", range(10))
def test_drawn_splits_pass(negatives: Any, seed: int) -> None:
    data = Links(split=RandomSplit(seed=seed), negatives=negatives, negatives_per_link=3)
    for policy in get_args(ValidationEdges):
        assert audit(data.split, data.graph, policy) == ()


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
        (
            {"test_pos": LINKS[:4].numpy() + 1},
            r"4 of test_pos are also in train_pos, .*\[0\] = \(0, 1\)",
        ),
        ({"test_neg": LINKS[4:].numpy() + 1}, r"2 of test_neg are links, such as test_neg\[0\] = \(4, 5\)"),
        (
            {"train_neg": np.array([[3, 3]])},
            r"train_neg join a node to itself, .* train_neg\[0\] = \(2, 2\)",
        ),
        (
            {"train_neg": np.array([[0, 3]])},
            r"train_neg hold a node outside .* train_neg\[0\] = \(-1, 2\)",
        ),
        (
            {"train_neg": np.array([[7, 3]])},
            r"train_neg hold a node outside .* train_neg\[0\] = \(6, 2\)",
        ),
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
