"""Training negatives drawn anew for every epoch: seeded, no link, no pair of another part, any worker."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from lightning.pytorch import Trainer
from small_graphs import keys
from torch import nn

from gpool.data import Links, RandomSplit
from gpool.link import LinkBatch
from gpool.training import LinkTask


class Watching(nn.Module):
    """Keeps the negatives that it is trained on, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[set[tuple[int, int]]] = []

    def forward(self, batch: LinkBatch) -> torch.Tensor:
        if self.training:
            self.seen.append(keys(batch.pairs[batch.y == 0]))
        return self.weight.expand(batch.num_links)


def trained(epochs: int = 3, workers: int = 0, **options: object) -> list[set[tuple[int, int]]]:
    """The negatives of every epoch."""
    torch.manual_seed(0)
    split = RandomSplit(**options)
    data = Links(split=split, neighborhood=None, batch_size=100, num_workers=workers)
    model, quiet = Watching(), {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        num_sanity_val_steps=0,
        limit_val_batches=0,
        enable_checkpointing=False,
        **quiet,
    )
    trainer.fit(LinkTask(model), data)
    steps = len(model.seen) // epochs
    return [set().union(*model.seen[k * steps : (k + 1) * steps]) for k in range(epochs)]


def test_every_epoch_has_its_own() -> None:
    epochs, data = trained(resample=True), Links(split=RandomSplit(resample=True))
    split = data.split
    forbidden = keys(torch.cat([data.graph.pairs, split.val_neg, split.test_neg]))
    for negatives in epochs:
        assert len(negatives) == split.train_neg.size(0)
        assert not negatives & forbidden
    assert epochs[0] & epochs[1] != epochs[0]
    assert len(epochs[0] | epochs[1] | epochs[2]) > 1.8 * len(epochs[0])
    assert trained(resample=True) == epochs  # seeded by the epoch
    assert data.describe()["train_negatives"] == "fresh every epoch"


def test_fixed_ones_stay() -> None:
    first, *others = trained()
    assert all(other == first for other in others)
    assert first == keys(Links().split.train_neg)
    assert "train_negatives" not in Links().describe()


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers: int) -> None:
    assert trained(2, workers, resample=True) == trained(2, resample=True)


def test_a_resumed_epoch_has_the_negatives_of_its_number() -> None:
    data = Links(split=RandomSplit(resample=True), neighborhood=None, batch_size=500)
    loader = data.train_dataloader()
    in_turn = [next(iter(loader)) for _ in range(3)]
    loader.sampler.set_epoch(1)
    assert keys(next(iter(loader)).pairs) == keys(in_turn[1].pairs) != keys(in_turn[2].pairs)


def test_a_split_of_ones_own_and_another_fold() -> None:
    data = Links(split=RandomSplit(resample=True), neighborhood=None, batch_size=500)
    own = dataclasses.replace(data.split, resample=True)
    for fold in (0, 1):
        mine = Links(graph=data.graph, split=own, fold=fold, neighborhood=None, batch_size=500)
        same = keys(next(iter(mine.train_dataloader())).pairs) == keys(
            next(iter(data.train_dataloader())).pairs
        )
        assert same == (fold == 0)
    assert mine.describe()["train_negatives"] == "fresh every epoch"
