"""Pairs of nodes ranked by a link model, in bounded memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from lightning.pytorch import Trainer

from gpool.data.links import Links
from gpool.link.best import Best
from gpool.training.pair_progress import PairProgress

__all__ = ["ScoredPair", "ranked"]


class ScoredPair(NamedTuple):
    """Two ids of the user's graph and how likely their link is."""

    source: Hashable
    target: Hashable
    score: float


def ranked(
    task: Any, data: Links, pairs: Any, top: int | None, trainer: Trainer | None, progress: bool
) -> list[ScoredPair]:
    """What :meth:`gpool.training.LinkTask.predict` returns: the task adds its scores to ``task.best``."""
    best, asked = Best(top), data.candidates
    data.ask(pairs)
    assert data.candidates is not None
    if trainer is None:
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = Trainer(accelerator="cpu", **quiet)  # type: ignore[arg-type]
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    before = list(callbacks)
    try:
        total = data.candidates.count(data.graph)
        if progress:
            callbacks.append(PairProgress(total))
        task.best = best
        if total != 0:
            trainer.predict(task, datamodule=data, return_predictions=False)
    finally:
        task.best, data.candidates, callbacks[:] = None, asked, before
    ids, scores = data.graph.ids, best.scores.sigmoid().tolist()
    return [ScoredPair(ids[i], ids[j], s) for (i, j), s in zip(best.pairs.tolist(), scores, strict=True)]
