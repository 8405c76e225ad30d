"""Who might meet next? WalkPool learns from Les Misérables and names pairs that the novel leaves apart.

    python examples/new_links.py

77 characters, 254 links between those who share a chapter. A tenth of the links is hidden from training, as a
test; then all pairs that never meet are ranked. It needs no file and no GPU, and takes less than a minute.
"""

from __future__ import annotations

import logging
import warnings

import torch
from lightning.pytorch import Trainer, seed_everything

from gpool.data import Links, Neighborhood
from gpool.link.heuristics import common_neighbors
from gpool.models import WalkPoolNetwork
from gpool.training import LinkTask


def adam(groups: list[dict[str, object]]) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, lr=1e-3, fused=True)


def main(epochs: int = 20) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    torch.set_num_threads(1)
    seed_everything(0, verbose=False)
    data = Links(val_edges="inference", neighborhood=Neighborhood(num_hops=1))
    task = LinkTask(WalkPoolNetwork(data.num_features, heads=1), optimizer=adam)
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(task, data)
    auc = trainer.test(task, data, verbose=False)[0]["test/auc"]
    print(f"hidden links against pairs that never meet: AUC {auc:.3f}, validation links: {data.val_edges}")

    ranked = task.predict(data, top=10)
    pairs = data.graph.position([(pair.source, pair.target) for pair in ranked])
    shared = common_neighbors(data.observed("predict"), pairs)
    for pair, count in zip(ranked, shared.tolist(), strict=True):
        print(f"{pair.score:.3f}  {pair.source} and {pair.target}, who share {count:.0f} acquaintances")

    known = {frozenset((data.graph.ids[i], data.graph.ids[j])) for i, j in data.graph.pairs.tolist()}
    assert auc > 0.85, f"AUC {auc:.3f} of the hidden links"
    assert all(frozenset(pair[:2]) not in known for pair in ranked), "a predicted link is not new"
    usual = common_neighbors(data.observed("predict"), data.graph.unlinked()).mean()
    assert shared.mean() > 2 * usual, "the pairs named have no more in common than any two"


if __name__ == "__main__":
    main()
