"""An object whose unpickling leaves a trace: a folder that it makes."""

from __future__ import annotations

import os
from pathlib import Path


class Payload:
    """Unpickling it makes the folder ``trace``."""

    def __init__(self, trace: Path) -> None:
        self.trace = str(trace)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.trace,)
