"""Which commit of the working folder's repository made a result."""

from __future__ import annotations

import subprocess
from functools import cache

__all__ = ["commit"]


@cache
def commit() -> str | None:
    """The commit of the working folder, with ``-dirty`` where files differ; None outside a repository."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip() or None
