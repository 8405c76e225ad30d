"""Calls in processes that other programs start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["call_there", "here"]


def here() -> tuple[list[str], str]:
    """What :func:`call_there` needs to find the same modules and files: the path and the working folder."""
    return list(sys.path), os.getcwd()


def call_there(place: tuple[list[str], str], work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a function as if it was called where ``place`` is from."""
    path, folder = place
    sys.path += [each for each in path if each not in sys.path]
    if os.path.isdir(folder):
        os.chdir(folder)
    return work(*arguments)
