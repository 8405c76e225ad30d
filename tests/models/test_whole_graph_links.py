"""Models of links on the whole graph: masked targets, NCN and sketches against loops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

from gpool.data import Links, NodeIds, RandomSplit
from gpool.link import DotProduct, LinkBatch, MLPScorer
from gpool.models import CommonNeighborModel, EmbeddingEncoder, Encoder, PairModel, SketchModel
from gpool.models.masked_targets import without_targets
from gpool.training import LinkTask


def batch(part: str = "train", size: int = 20) -> LinkBatch:
    data = Links(neighborhood=None, batch_size=size)
    return data.dataset(part)[list(range(size))]


def encoder() -> Encoder:
    return Encoder(16, hidden_channels=8, num_layers=2, norm=None, conv="gcn")


MODELS: dict[str, Callable[..., nn.Module]] = {
    "pair": lambda **options: PairModel(encoder(), DotProduct(), **options),
    "NCN": lambda **options: CommonNeighborModel(encoder(), **options),
    "sketches": lambda **options: SketchModel(encoder(), **options),
}


@pytest.mark.parametrize("name", MODELS)
def test_training_does_not_see_its_targets(name: str) -> None:
    """In training: the logits of the graph from which the pairs were taken out by hand."""
    torch.manual_seed(0)
    model, links = MODELS[name](), batch()
    targets = {tuple(sorted(pair)) for pair in links.pairs.tolist()}
    kept = [k for k, edge in enumerate(links.edge_index.t().tolist()) if tuple(sorted(edge)) not in targets]
    assert links.edge_index.size(1) - len(kept) == 2 * 20
    by_hand = LinkBatch(links.pairs, links.y, links.x, edge_index=links.edge_index[:, kept])
    assert torch.equal(model.train()(links), model.eval()(by_hand))
    assert not torch.allclose(model.eval()(links), model(by_hand))
    seeing = MODELS[name](mask_targets=False)
    seeing.load_state_dict(model.state_dict())
    assert torch.equal(seeing.train()(links), model(links))


def test_a_batch_of_all_links_is_refused() -> None:
    data = Links(neighborhood=None, batch_size=1000)
    links = next(iter(data.train_dataloader()))
    with pytest.raises(ValueError, match="all 217 observed links, which leaves PairModel no graph"):
        PairModel(encoder(), DotProduct())(links)
    PairModel(encoder(), DotProduct()).eval()(links)
    task = LinkTask(encoder=encoder(), scorer=DotProduct(), mask_targets=False)
    assert task(links).shape == links.y.shape
    with pytest.raises(ValueError, match="batch has no edge_index; NCN reads the whole graph"):
        without_targets(next(iter(Links().val_dataloader())), "NCN")


def test_ncn_the_slow_way() -> None:
    torch.manual_seed(0)
    model, links = CommonNeighborModel(encoder()).eval(), batch("test")
    z = model.encoder(links.x, links.edge_index)[-1]
    beside = [set(links.edge_index[0, links.edge_index[1] == v].tolist()) for v in range(77)]
    rows = []
    for i, j in links.pairs.tolist():
        shared = sum((z[u] for u in sorted(beside[i] & beside[j])), torch.zeros(8))
        rows.append(model.head(torch.cat([z[i] * z[j], shared]).unsqueeze(0))[0, 0])
    torch.testing.assert_close(model(links), torch.stack(rows))


def test_sketches_count_balls() -> None:
    """Large sketches: near the numbers of nodes that a search finds, and the same for (j, i)."""
    links = batch("test")
    model = SketchModel(signature_size=4096, register_size=4096).eval()
    made = model.sketches(links.edge_index, 77)
    found = model.counts(links.pairs, *made).expm1()
    one = [{v, *links.edge_index[0, links.edge_index[1] == v].tolist()} for v in range(77)]
    two = [set().union(*(one[u] for u in held)) for held in one]
    for row, (i, j) in zip(found.tolist(), links.pairs.tolist(), strict=True):
        right = [
            2 * len(one[i] & one[j]),
            len(one[i] & two[j]) + len(two[i] & one[j]),
            2 * len(two[i] & two[j]),
        ]
        right += [len(one[i]) + len(one[j]), len(two[i]) + len(two[j])]
        for mine, true in zip(row, right, strict=True):
            assert abs(mine - true) < 1.0 + 0.12 * true
    torch.testing.assert_close(model.counts(links.pairs.flip(1), *made), model.counts(links.pairs, *made))


@pytest.mark.parametrize(
    "make",
    [
        lambda: CommonNeighborModel(EmbeddingEncoder(64, hidden_channels=16)),
        lambda: SketchModel(hidden_channels=16),
        lambda: PairModel(EmbeddingEncoder(64, hidden_channels=16), MLPScorer(16)),
    ],
)
def test_they_learn(make: Callable[[], nn.Module]) -> None:
    """Ring of cliques: a few epochs put the links of the test part above chance."""
    links = [(8 * c + i, 8 * c + j) for c in range(8) for i in range(8) for j in range(i) if (i + j) % 4]
    links += [(8 * c, 8 * ((c + 1) % 8)) for c in range(8)]
    options = {"neighborhood": None, "features": NodeIds(), "batch_size": 16}
    data = Links.from_edges(torch.tensor(links).t(), split=RandomSplit(0.1, 0.2), **options)
    torch.manual_seed(1)
    task = LinkTask(make(), optimizer=lambda p: torch.optim.Adam(p, lr=1e-2))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=15, accelerator="cpu", enable_checkpointing=False, **quiet)
    trainer.fit(task, data)
    assert trainer.test(task, data, verbose=False)[0]["test/auc"] > 0.8
