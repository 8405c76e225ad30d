"""A user's own graph of labeled nodes: masks, splits, labels and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from gpool.data import NewNodes, Nodes


def graph(**more: Any) -> Data:
    generator = torch.Generator().manual_seed(0)
    given = {
        "x": torch.randn(60, 3, generator=generator),
        "edge_index": torch.randint(0, 60, (2, 100), generator=generator),
        "y": torch.arange(60) % 3 + 10,
    }
    return Data(**(given | more))


def masks(**places: range) -> dict[str, torch.Tensor]:
    return {f"{part}_mask": torch.isin(torch.arange(60), torch.tensor(list(p))) for part, p in places.items()}


THIRDS = {"train": range(20), "val": range(20, 40), "test": range(40, 50)}


def test_drawn_parts_are_stratified_and_cover_all_nodes() -> None:
    data = Nodes(graph(), folds=5, fold=2)
    (batch,) = data.predict_dataloader()
    assert (data.task, data.classes, data.num_features, data.num_outputs) == (
        "multiclass",
        (10, 11, 12),
        3,
        3,
    )
    assert batch.y.tolist() == [k % 3 for k in range(60)]
    assert torch.bincount(batch.y[batch.test_mask]).tolist() == [4, 4, 4]
    assert (batch.train_mask.int() + batch.val_mask.int() + batch.test_mask.int()).tolist() == [1] * 60
    other = Nodes(graph(), folds=5, fold=3).graph
    assert not (batch.test_mask & other.test_mask).any()


def test_own_masks_are_used_and_one_of_many_is_picked() -> None:
    data = Nodes(graph(**masks(**THIRDS)))
    assert data.part_of == ["train"] * 20 + ["val"] * 20 + ["test"] * 10 + [""] * 10
    several = {key: torch.stack([mask, mask.roll(1)], dim=1) for key, mask in masks(**THIRDS).items()}
    assert Nodes(graph(**several), fold=1).part_of[:2] == ["", "train"]
    with pytest.raises(ValueError, match=r"fold=2 must be between 0 and 1: train_mask has 2"):
        Nodes(graph(**several), fold=2).setup()
    with pytest.raises(ValueError, match=r"fold=1 must be between 0 and 0: train_mask has 1"):
        Nodes(graph(**masks(**THIRDS)), fold=1).setup()
    drawn = Nodes(graph(**masks(**THIRDS)), folds=3)
    assert "" not in drawn.part_of


def test_given_splits() -> None:
    data = Nodes(graph(), splits=dict(THIRDS, test=np.arange(60) >= 55))
    assert data.part_of == ["train"] * 20 + ["val"] * 20 + [""] * 15 + ["test"] * 5
    with pytest.raises(ValueError, match=r"splits, val\[0\]: graph 3 stands in two parts|in two parts"):
        Nodes(graph(), splits={"train": [3], "val": [3], "test": [4]}).setup()
    with pytest.raises(ValueError, match=r"splits must be given without fold and folds"):
        Nodes(graph(), splits=dict(THIRDS), folds=3)


def test_nodes_in_no_part_may_have_any_label() -> None:
    y = torch.arange(60) % 2
    y[50:] = torch.tensor([-1, 0, 1, 7, -1, 0, 1, 7, -1, 0])
    data = Nodes(graph(y=y, **masks(**THIRDS)))
    assert (data.task, data.classes) == ("binary", (0, 1))
    assert data.labels[50:].tolist() == [-1, 0, 1, -1, -1, 0, 1, -1, -1, 0]
    names = Nodes(graph(y=["ab"[k % 2] for k in range(50)] + ["?"] * 10, **masks(**THIRDS)))
    assert (names.classes, names.labels[48:52].tolist()) == (("a", "b"), [0, 1, -1, -1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": None}, r"graph 0 has no x; every graph needs node features"),
        ({"y": None}, r"graph 0 has no y; every graph needs a label"),
        ({"y": torch.zeros(7)}, r"y has 7 rows, x has 60; every node needs a label"),
        ({"y": torch.full((60,), torch.inf)}, r"node 0: y=inf must be finite"),
        (
            {"edge_index": torch.tensor([[0], [60]])},
            r"edge_index holds the edge \[0, 60\]; its nodes are 0 .. 59",
        ),
        ({"x": torch.full((60, 2), torch.nan)}, r"x holds NaN; features must be finite"),
        (masks(train=range(3), val=range(3), test=range(0)), r"test_mask holds no node"),
        (
            masks(**THIRDS) | {"val_mask": torch.ones(60)},
            r"val_mask is Tensor \[60\]; it must be a boolean mask",
        ),
        (
            masks(**THIRDS) | {"val_mask": torch.ones(9).bool()},
            r"val_mask is Tensor \[9\]; it must be a boolean",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Nodes(graph(**change)).setup()
    assert "\n" not in str(caught.value)


def test_tasks_ids_and_several_graphs() -> None:
    numbers = Nodes(graph(y=torch.rand(60, 2, dtype=torch.float64)))
    assert (numbers.task, numbers.num_outputs, numbers.classes) == ("regression", 2, None)
    assert numbers.graph.y.dtype is torch.float32
    with pytest.raises(ValueError, match=r"node 'n0': y=0.5 is no class"):
        Nodes(graph(y=torch.full((60,), 0.5), id=[f"n{k}" for k in range(60)]), task="multiclass").setup()
    assert Nodes(graph(node_id=torch.arange(60) + 100)).ids[:2] == [100, 101]
    with pytest.raises(ValueError, match=r"source holds 2 graphs, it must hold one; gpool.data.Graphs"):
        Nodes([graph(), graph()]).setup()


def test_new_nodes_need_no_labels() -> None:
    data = NewNodes(graph(y=None), num_features=3)
    (batch,) = data.predict_dataloader()
    assert "y" not in batch
    assert (data.ids, data.num_features) == (list(range(60)), 3)
    with pytest.raises(ValueError, match=r"x has 3 columns, it must have 5, as the graph trained on"):
        NewNodes(graph(), num_features=5).setup()
