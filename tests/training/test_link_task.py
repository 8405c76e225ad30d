"""LinkTask: what it learns, what it measures, and what it predicts for a user's own ids."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torchmetrics.functional.classification import binary_auroc

from gpool.data import BestBy, Links, Neighborhood, RandomSplit
from gpool.link import DotProduct, LinkBatch, LowRankBilinear
from gpool.link.best import Best
from gpool.link.heuristics import common_neighbors
from gpool.models import Encoder, HeuristicModel, WalkPoolNetwork
from gpool.training import LinkTask
from gpool.training.link_metrics import LinkMetrics

QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


class Common(nn.Module):
    """Common neighbors, read off the subgraph: it needs no training to find a planted structure."""

    def forward(self, batch: LinkBatch) -> torch.Tensor:
        s = batch.subgraphs
        source, destination = s.edge_index[:, ~s.is_target]
        beside = torch.zeros(2, s.num_nodes)
        for side in range(2):
            is_end = torch.zeros(s.num_nodes, dtype=torch.bool)
            is_end[s.target[:, side]] = True
            beside[side].index_put_((source[is_end[destination]],), torch.ones(()))
        return torch.zeros(s.num_graphs).index_add(0, s.batch, beside.prod(0)) - 0.5


def cliques() -> list[tuple[str, str]]:
    """Two cliques of eight, all links but two, and one link between them."""
    names = [f"{side}{k}" for side in "ab" for k in range(8)]
    links = [(u, v) for u in names for v in names if u < v and u[0] == v[0]]
    return [p for p in links if p not in (("a0", "a5"), ("b2", "b6"))] + [("a0", "b0")]


def test_predict_ranks_pairs_of_the_users_ids() -> None:
    data = Links.from_edges(cliques(), neighborhood=Neighborhood(num_hops=1), batch_size=7)
    task = LinkTask(Common())
    best = task.predict(data, top=2)
    assert {(p.source, p.target) for p in best} == {("a0", "a5"), ("b2", "b6")}
    everything = task.predict(data)
    assert len(everything) == 16 * 15 // 2 - len(cliques())
    assert [p.score for p in everything] == sorted((p.score for p in everything), reverse=True)
    asked = task.predict(data, [("b1", "a1"), ("b6", "b2"), ("b1", "a1"), ("a0", "b0")])
    assert asked[0][:2] == ("b6", "b2")
    assert [p[:2] for p in asked].count(("b1", "a1")) == 2  # asked twice, answered twice
    assert len({p.score for p in asked if p[:2] == ("b1", "a1")}) == 1
    assert task.predict(data, []) == []
    for pairs, message in (([("a0", "zz")], "unknown node 'zz'"), ([("a0", "a0")], "joins a node to itself")):
        with pytest.raises(ValueError, match=message):
            task.predict(data, pairs)
    with pytest.raises(ValueError, match="top=0"):
        task.predict(data, top=0)


class Sure(HeuristicModel):
    """Logits of common neighbors whose probabilities are 1 in float32."""

    def forward(self, batch: LinkBatch) -> torch.Tensor:
        return super().forward(batch).float() + 20.0


def test_ranking_keeps_what_is_asked_for(capsys: pytest.CaptureFixture) -> None:
    """By the scores themselves, where probabilities are all 1 in float32; the same of any number of pairs."""
    data = Links(neighborhood=None)
    task = LinkTask(Sure(common_neighbors))
    everything = task.predict(data, "all")
    graph = data.observed("predict")
    counts = common_neighbors(graph, data.graph.position(pair[:2] for pair in everything)).tolist()
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1
    assert task.predict(data, "all", 3, progress=True) == everything[:3]
    assert "2.67k/2.67k" in capsys.readouterr().err
    assert task.predict(data, BestBy(common_neighbors, number=5)) == everything[:5]
    assert task.predict(data, [pair[:2] for pair in everything], 4) == everything[:4]
    assert data.candidates is None
    assert 2672 == len(everything) == data.graph.unlinked().size(0)


def test_memory_of_a_ranking_does_not_grow_with_the_pairs() -> None:
    best, most = Best(10), 0
    for k in range(200):
        score = torch.rand(50, generator=torch.Generator().manual_seed(k))
        best.add(score, torch.zeros(50, 2, dtype=torch.long))
        most = max(most, sum(part.numel() for part in best._score))
    assert most <= 2 * 10 + 50


def test_walkpool_learns() -> None:
    """Ring of cliques: a few epochs put the links of the test part far above chance."""
    links = [(8 * c + i, 8 * c + j) for c in range(8) for i in range(8) for j in range(i) if (i + j) % 4]
    links += [(8 * c, 8 * ((c + 1) % 8)) for c in range(8)]
    data = Links.from_edges(torch.tensor(links).t(), split=RandomSplit(0.1, 0.2))
    torch.manual_seed(1)
    task = LinkTask(WalkPoolNetwork(16, hidden_channels=8), optimizer=lambda p: torch.optim.Adam(p, lr=1e-3))
    trainer = Trainer(max_epochs=6, **QUIET)
    trainer.fit(task, data)
    found = trainer.test(task, data, verbose=False)[0]
    assert found["test/auc"] > 0.9
    assert task.describe()["val_edges"] == "none"
    assert task.describe()["train_links"] == data.split.train_pos.size(0)


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_metrics_are_those_of_the_whole_part(loss) -> None:
    data = Links(neighborhood=None, batch_size=5, negatives="per-source", negatives_per_link=4)
    task = LinkTask(
        encoder=Encoder(16, hidden_channels=8, num_layers=2, norm=None, conv="gcn"),
        scorer=LowRankBilinear(8, 8),
        loss=loss,
        hits=(1, 3),
    )
    trainer = Trainer(**QUIET)
    found = trainer.test(task, data, verbose=False)[0]
    task.eval()
    batches = list(data.test_dataloader())
    with torch.no_grad():
        score = torch.cat([task(b) for b in batches])
    y = torch.cat([b.y for b in batches])
    assert abs(found["test/auc"] - float(binary_auroc(score.double(), y.long()))) < 1e-5
    pos, neg = score[y == 1], score[y == 0].view(-1, 4)
    assert abs(found["test/hits@3"] - float((pos > neg.flatten().topk(3).values[-1]).float().mean())) < 1e-6
    rank = 1 + (neg > pos.unsqueeze(1)).sum(1) + 0.5 * (neg == pos.unsqueeze(1)).sum(1)
    assert abs(found["test/mrr"] - float((1 / rank).mean())) < 1e-5
    right = (
        (score.sigmoid() - y).square().mean()
        if loss == "mse"
        else nn.functional.binary_cross_entropy_with_logits(score, y)
    )
    assert abs(found["test/loss"] - float(right)) < 1e-5


def test_large_scores_stay_apart() -> None:
    """Scores far beyond where a sigmoid is 1 in float32."""
    metrics = LinkMetrics()
    metrics.update(torch.tensor([200.0, 100.0, 50.0, 25.0]), torch.tensor([1.0, 0.0, 1.0, 0.0]))
    assert float(metrics.compute()["auc"]) == 0.75


def test_fewer_negatives_than_k_are_said() -> None:
    """Every positive is a hit then, whatever its score."""
    metrics = LinkMetrics(hits=(2, 3, 5))
    metrics.update(torch.tensor([0.1, 0.5, 0.9]), torch.tensor([1.0, 0.0, 0.0]))
    with pytest.warns(UserWarning, match="hits@3 is 1 whatever the scores are: there are 2 negatives"):
        metrics.warn_of_few_negatives()
    found = metrics.compute()
    assert float(found["hits@3"]) == 1.0
    assert float(found["hits@2"]) == 0.0
    data = Links(neighborhood=None, batch_size=100)
    task = LinkTask(HeuristicModel(common_neighbors), hits=(10, 20, 50))
    with pytest.warns(UserWarning, match="hits@50 .* there are 25 negatives; leave 50 out"):
        Trainer(**QUIET).test(task, data, verbose=False)
    assert data.split.test_neg.size(0) == 25
    assert task.describe()["all_hits"] == "hits@50"


class Broken(nn.Module):
    """Scores that are no numbers."""

    def forward(self, batch: LinkBatch) -> torch.Tensor:
        return torch.full((batch.num_links,), torch.nan)


def test_scores_that_are_not_finite_are_an_error() -> None:
    metrics = LinkMetrics()
    metrics.update(torch.tensor([torch.nan, 1.0, torch.inf, 0.5]), torch.tensor([1.0, 0.0, 1.0, 0.0]))
    with pytest.raises(ValueError, match="2 of 4 scores are NaN or infinite"):
        metrics.compute()
    data = Links(neighborhood=None, batch_size=20)
    with pytest.raises(ValueError, match="50 of 50 scores are NaN or infinite"):
        Trainer(**QUIET).test(LinkTask(Broken()), data, verbose=False)
    with pytest.raises(ValueError, match="2 of 2 scores are NaN or infinite"):
        LinkTask(Broken()).predict(data, [("Valjean", "Javert"), ("Valjean", "Cosette")])


def test_heuristic_in_the_place_of_a_model() -> None:
    data = Links(neighborhood=None, batch_size=1000)
    task = LinkTask(HeuristicModel(common_neighbors))
    found = Trainer(max_epochs=0, **QUIET).test(task, data, verbose=False)[0]
    s, observed = data.split, data.observed("test")
    pos, neg = common_neighbors(observed, s.test_pos), common_neighbors(observed, s.test_neg)
    ahead = (pos.unsqueeze(1) > neg).double() + 0.5 * (pos.unsqueeze(1) == neg).double()
    assert abs(found["test/auc"] - float(ahead.mean())) < 1e-6
    with pytest.raises(ValueError, match="batch has no edge_index"):
        task(next(iter(Links().val_dataloader())))


def test_ogb_evaluators() -> None:
    pytest.importorskip("ogb.linkproppred")
    ddi = LinkMetrics(hits=(20,), evaluator="ogbl-ddi")
    score, y = torch.randn(200), (torch.arange(200) % 3 == 0).float()
    ddi.update(score[:90], y[:90])
    ddi.update(score[90:], y[90:])
    found = ddi.compute()
    assert abs(float(found["ogb-hits@20"]) - float(found["hits@20"])) < 1e-6
    citation = LinkMetrics(evaluator="ogbl-citation2")
    group = torch.cat([torch.arange(10), torch.arange(10).repeat_interleave(6)])
    citation.update(torch.randn(70), torch.cat([torch.ones(10), torch.zeros(60)]), group)
    found = citation.compute()
    assert abs(float(found["ogb-mrr"]) - float(found["mrr"])) < 1e-6


def test_errors() -> None:
    with pytest.raises(ValueError, match="give a model, or both"):
        LinkTask(encoder=Encoder(4))
    with pytest.raises(ValueError, match="give either a model"):
        LinkTask(model=Common(), scorer=DotProduct())
    with pytest.raises(ValueError, match="loss='hinge' must be 'bce' or 'mse'"):
        LinkTask(Common(), loss="hinge")
    with pytest.raises(ValueError, match="hits holds 0"):
        LinkTask(Common(), hits=(0,))


def test_adam_is_fused_by_default_where_it_can_be() -> None:
    """The same steps as those of the plain one, to rounding."""
    torch.manual_seed(0)
    task, plain = (LinkTask(encoder=nn.Linear(3, 2), scorer=DotProduct()) for _ in range(2))
    plain.load_state_dict(task.state_dict())
    fused, slow = task.configure_optimizers(), torch.optim.Adam(plain.parameters(), lr=1e-3)
    assert all(group["fused"] and group["lr"] == 1e-3 for group in fused.param_groups)
    for _ in range(3):
        for module, optimizer in ((task, fused), (plain, slow)):
            for k, p in enumerate(module.parameters()):
                p.grad = (p.detach() + k).sin()
            optimizer.step()
    for a, b in zip(task.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-7)
    turning = nn.ParameterList([nn.Parameter(torch.ones(2, dtype=torch.cfloat))])
    optimizer = LinkTask(turning).configure_optimizers()
    assert not optimizer.param_groups[0]["fused"]
    turning[0].grad = torch.ones(2, dtype=torch.cfloat)
    optimizer.step()
