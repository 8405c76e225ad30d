"""A bar that shows how many pairs have been scored."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm.auto import tqdm  # type: ignore[import-untyped]

__all__ = ["PairProgress"]


class PairProgress(Callback):
    """Shows how many pairs ``predict`` has scored, and the time that is left where their number is known.

    Args:
        total: how many there are; None where only going through them tells.
    """

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self.bar: Any = None

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar, on standard error."""
        self.bar = tqdm(total=self.total, unit=" pairs", unit_scale=True, desc="ranked")

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the pairs of a batch."""
        self.bar.update(batch.num_links)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the bar as it is."""
        self.bar.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()
