"""WholeGraphWalk: one shared walk gives what the model gives for subgraphs that are the whole graph."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import Trainer

import gpool
from gpool.data import Links, Neighborhood
from gpool.link import WalkProfile
from gpool.models import BoostedLinks, Encoder, LinkModel, NodeLabels, WalkPoolNetwork, WholeGraphWalk
from gpool.training import LinkTask

LINKS = [(k, (k + d) % 30) for k in range(30) for d in (1, 4)] + [(0, 15), (3, 30), (3, 31), (30, 31)]


def data(whole: bool) -> Links:
    """A connected graph of 32 nodes, whose subgraphs of 32 hops are all of it."""
    x = torch.randn(32, 5, generator=torch.Generator().manual_seed(0))
    around = None if whole else Neighborhood(num_hops=32)
    return Links.from_edges(torch.tensor(LINKS).t(), x, neighborhood=around, batch_size=500)


def walkpool() -> LinkModel:
    pool = gpool.WalkPool(5 + 16, hidden_channels=4, heads=2, walk_length=5)
    return LinkModel(Encoder(5, hidden_channels=8, num_layers=2, norm=None), pool, in_channels=5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_equals_whole_subgraphs(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = walkpool().to(dtype).eval()
    (around,) = list(data(False).predict_dataloader())
    (whole,) = list(data(True).predict_dataloader())
    right = model(around.with_features(around.x.to(dtype)))
    found = WholeGraphWalk(model).eval()(whole.with_features(whole.x.to(dtype)))
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(found, right, rtol=tolerance, atol=tolerance)


def test_ranks_as_trees_on_whole_subgraphs_do() -> None:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    around = data(False)
    task = LinkTask(BoostedLinks(WalkProfile(walk_length=3), max_iter=5, min_samples_leaf=5))
    Trainer(accelerator="cpu", enable_checkpointing=False, **quiet).fit(task, around)
    right = {pair[:2]: pair.score for pair in task.predict(around)}
    found = LinkTask(WholeGraphWalk(task.model)).predict(data(True))
    assert len(found) == len(right)
    assert len({pair.score for pair in found}) > 2
    assert max(abs(pair.score - right[pair[:2]]) for pair in found) < 1e-6


def test_the_walk_follows_the_graph_and_the_parameters() -> None:
    torch.manual_seed(0)
    scorer, links = WholeGraphWalk(walkpool()).eval(), next(iter(data(True).predict_dataloader()))
    before = scorer(links)
    other = links.with_features(links.x + 1.0)
    assert not torch.allclose(scorer(other), before)
    assert torch.equal(scorer(links), before)
    with pytest.raises(ValueError, match="is not trained"):
        scorer.train()(links)


def test_what_cannot_be_shared_is_refused() -> None:
    labeled = LinkModel(
        Encoder(9, hidden_channels=8, num_layers=1), gpool.WalkPool(17), in_channels=5, labels=NodeLabels(4)
    )
    for model in (labeled, WalkPoolNetwork(5)):
        with pytest.raises(ValueError, match="labels=None and target_link=False"):
            WholeGraphWalk(model)
    with pytest.raises(ValueError, match="model=Encoder must be a LinkModel or BoostedLinks"):
        WholeGraphWalk(Encoder(3))
    with pytest.raises(ValueError, match="batch has no edge_index"):
        WholeGraphWalk(walkpool()).eval()(next(iter(data(False).val_dataloader())))
