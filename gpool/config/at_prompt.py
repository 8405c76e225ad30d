"""A configuration run from the prompt: progress in lines, optional packages named in one line."""

from __future__ import annotations

import re
from typing import Any

from lightning.pytorch import Trainer

from gpool.config.configuration import Configuration
from gpool.config.epoch_lines import EpochLines
from gpool.config.mistakes import ConfigError

__all__ = ["AtPrompt"]

NEEDED = re.compile(r"Requirement '([\w-]+)[^']*' not met")


class AtPrompt(Configuration):
    """A configuration that the ``gpool`` command runs.

    Args:
        words: the subcommand and its flags.
    """

    def __init__(self, words: list[str]) -> None:
        super().__init__(args=words)

    def instantiate_classes(self) -> None:
        """Build the objects; a logger whose package is not installed is one line that says how to get it."""
        try:
            super().instantiate_classes()
        except ConfigError as error:
            needed = NEEDED.findall(str(error))
            if not needed:
                raise
            raise ConfigError(f"trainer.logger: needs {needed[-1]}: pip install {needed[-1]}") from None

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer, which tells its progress in lines where no terminal shows a bar."""
        trainer = super().instantiate_trainer(**kwargs)
        trainer.callbacks.append(EpochLines())  # type: ignore[attr-defined]
        return trainer
