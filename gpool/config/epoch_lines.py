"""Progress as plain lines, where no terminal shows a bar."""

from __future__ import annotations

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

__all__ = ["EpochLines", "clock"]

LINES = 20  # about so many in a whole training


class EpochLines(Callback):
    """Prints a line with loss and metrics every few epochs in place of the trainer's progress bar.

    It does so where standard output is no terminal, and where the trainer has a bar: a bar that was switched
    off is not replaced.
    """

    def __init__(self) -> None:
        self.shown = False
        self._start = 0.0
        self._first = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the place of the trainer's bar."""
        bar = trainer.progress_bar_callback
        self.shown = bar is not None and trainer.is_global_zero and not sys.stdout.isatty()
        if bar is not None and self.shown:
            bar.disable()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._start = time.monotonic()
        self._first = trainer.current_epoch

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line of an epoch, if it is its turn."""
        if not self.shown:
            return
        done, last = trainer.current_epoch + 1, trainer.max_epochs or -1
        if done == last or trainer.should_stop or done % max(1, last // LINES) == 0:
            print(self._line(done, last, trainer.callback_metrics), flush=True)

    def _line(self, done: int, last: int, metrics: dict[str, Any]) -> str:
        spent = time.monotonic() - self._start
        of = f"{done}/{last}" if last > 0 else str(done)
        numbers = [f"{name} {float(value):.4g}" for name, value in sorted(metrics.items())]
        left = spent / (done - self._first) * (last - done)
        times = f"{clock(spent)} gone" + (f", about {clock(left)} left" if last > 0 else "")
        return "  ".join([f"epoch {of}", *numbers, times])


def clock(seconds: float) -> str:
    """Seconds in words of at most three figures: ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
