"""BoostedLinks: scikit-learn's trees as tensors, trained and tested by the door of every link model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from sklearn.ensemble import HistGradientBoostingClassifier

import gpool
from gpool.bench.one_run import train_and_test
from gpool.bench.plan import Plan
from gpool.data import Links, Neighborhood, RandomSplit
from gpool.link.heuristics import common_neighbors
from gpool.models import BoostedLinks, HeuristicModel
from gpool.models.forest import Forest
from gpool.training import LinkTask

QUIET = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def test_forest_equals_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 5, generator=generator, dtype=torch.double)
    y = (x[:, 0] * x[:, 1] + x[:, 2].sin() > 0.3).numpy()
    theirs = HistGradientBoostingClassifier(max_iter=17, max_leaf_nodes=6).fit(x.numpy(), y)
    forest = Forest(20, 11)
    assert forest(x).tolist() == [0.0] * 400
    forest.take(theirs)
    torch.testing.assert_close(forest(x), torch.from_numpy(theirs.decision_function(x.numpy())))
    again = Forest(20, 11)
    again.load_state_dict(forest.state_dict())
    again.half()  # its own type stays
    assert torch.equal(again(x), forest(x))


def rings() -> Links:
    """Eight cliques on a ring, most of their links there."""
    links = [(8 * c + i, 8 * c + j) for c in range(8) for i in range(8) for j in range(i) if (i + j) % 4]
    links += [(8 * c, 8 * ((c + 1) % 8)) for c in range(8)]
    return Links.from_edges(torch.tensor(links).t(), split=RandomSplit(0.1, 0.2))


def test_trains_like_any_other_model_and_comes_back_from_its_checkpoint(tmp_path: Path) -> None:
    data = rings()
    task = LinkTask(BoostedLinks(max_iter=20))
    trainer = Trainer(max_epochs=50, default_root_dir=tmp_path, **QUIET)
    with pytest.raises(ValueError, match="BoostedLinks has not been fitted"):
        trainer.test(task, data, verbose=False)
    trainer.fit(task, data)
    assert trainer.current_epoch == 1  # one pass tells it all
    assert trainer.callback_metrics["val/auc"] > 0.9
    found = trainer.test(task, data, verbose=False)[0]["test/auc"]
    assert found > 0.9
    trainer.save_checkpoint(tmp_path / "trees.ckpt")
    again = gpool.load(tmp_path / "trees.ckpt")
    links = next(iter(data.test_dataloader()))
    assert torch.equal(again.eval()(links), task.eval()(links))


def test_a_heuristic_stops_after_one_batch() -> None:
    data = Links(neighborhood=None, batch_size=16)
    trainer = Trainer(max_epochs=50, enable_checkpointing=False, **QUIET)
    trainer.fit(LinkTask(HeuristicModel(common_neighbors)), data)
    assert trainer.global_step == 1
    assert trainer.callback_metrics["val/auc"] > 0.6


def test_rows_of_one_plan() -> None:
    """A heuristic, the fixed profile and a trained model, with an epoch selected for each of them."""
    whole = {"data.neighborhood": None, "data.batch_size": 1000}
    heuristic = {"class_path": "gpool.models.HeuristicModel"}
    heuristic["init_args"] = {"score": "gpool.link.heuristics.common_neighbors"}
    walk = {"class_path": "gpool.models.WalkPoolNetwork", "init_args": {"hidden_channels": 4, "heads": 1}}
    plan = Plan(
        model={"class_path": "gpool.training.LinkTask", "init_args": {"model": walk}},
        data={"LesMis": {"class_path": "gpool.data.Links", "init_args": {"neighborhood": {"num_hops": 1}}}},
        variants={
            "heuristic": {"model.model": heuristic, **whole},
            "profile": {"model.model": {"class_path": "gpool.models.BoostedLinks"}},
            "WalkPool": {},
        },
        select={"monitor": "val/auc", "mode": "max"},
        trainer={"max_epochs": 2, "accelerator": "cpu"},
    )
    found = {run.variant: train_and_test(run) for run in plan.runs()}
    assert not [result["traceback"] for result in found.values() if "error" in result]
    assert {name: result["epochs"] for name, result in found.items()} == {
        "heuristic": 1,
        "profile": 1,
        "WalkPool": 2,
    }
    assert all("test/auc" in result["metrics"] for result in found.values())
    assert found["profile"]["metrics"]["test/auc"] > 0.7


def test_errors() -> None:
    for wrong in (
        {"max_iter": 0},
        {"learning_rate": 0.0},
        {"max_leaf_nodes": 1},
        {"l2_regularization": -1.0},
    ):
        ((name, value),) = wrong.items()
        with pytest.raises(ValueError, match=f"{name}={value}"):
            BoostedLinks(**wrong)
    model = BoostedLinks()
    data = Links(neighborhood=Neighborhood(1))
    model.fit()
    assert not model.fitted
    model.collect(data.dataset("train")[[0, 1]])
    with pytest.raises(ValueError, match="all 2 training links have y = 1"):
        model.fit()
    with pytest.raises(ValueError, match="batch has no subgraphs"):
        model(next(iter(Links(neighborhood=None).val_dataloader())))
