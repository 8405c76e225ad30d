"""Objects of a run; the configuration of a row is read once, and its seed and fold are changed."""

from __future__ import annotations

import copy
import json
from typing import Any

from gpool.bench.run import Run
from gpool.config.configuration import Configuration
from gpool.quiet import QUIET

__all__ = ["built"]

ROWS = 64  # configurations that are kept

_rows: dict[str, Row] = {}


def built(run: Run, trainer: dict[str, Any]) -> Configuration:
    """The task, the data and the trainer of a run.

    Args:
        run: what to build.
        trainer: arguments of the trainer that are no part of the configuration; callbacks are added to its
            own.
    """
    config = {**run.config, "seed_everything": 0}
    if run.fold is not None:
        data = run.config["data"]
        config["data"] = {**data, "init_args": {**data.get("init_args", {}), "fold": 0}}
    key = json.dumps(config, sort_keys=True, default=repr)
    if key not in _rows:
        if len(_rows) >= ROWS:
            _rows.clear()
        _rows[key] = Row(args=config, run=False, trainer_defaults=QUIET)
    return _rows[key].again(run.seed, run.fold, trainer)


class Row(Configuration):
    """A configuration that is read, and built again and again."""

    _ready = False

    def instantiate_classes(self) -> None:
        """Build the objects, but not when the configuration is read."""
        if self._ready:
            super().instantiate_classes()

    def _set_seed(self) -> None:
        if self._ready:
            super()._set_seed()

    def again(self, seed: int, fold: int | None, trainer: dict[str, Any]) -> Configuration:
        """The objects for this seed and fold."""
        made = copy.copy(self)
        made._ready, made.trainer_defaults = True, {**self.trainer_defaults, **trainer}
        made.config = self.config.clone()
        made.config["seed_everything"] = seed
        for name, value in trainer.items():
            if name != "callbacks":
                made.config["trainer"][name] = value
        if fold is not None:
            made.config["data"]["init_args"]["fold"] = fold
        made._set_seed()
        made.instantiate_classes()
        return made
