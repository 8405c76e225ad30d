"""Names of rows and data sets: which are accepted, and how they are written into files, Markdown and CSV."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

__all__ = ["check_names", "file_word", "in_csv", "in_markdown", "is_plain", "row_label"]

PLAIN = re.compile(r"[\w.+=]+")
LONGEST = 60  # bytes of a name in a file's name; a file's name has at most 255
CONTROL = {"Cc", "Cs", "Zl", "Zp"}  # categories of Unicode: control, surrogate, line and paragraph separator


def check_names(field: str, names: Iterable[Any]) -> None:
    """Refuse names that are no text, and text that cannot be printed on one line.

    Raises:
        ValueError: for the first such name.
    """
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"{field}: the name {name!r} must be text; put it in quotes: '{name}'")
        if not name or name != name.strip():
            raise ValueError(f"{field}: the name {name!r} must be text without spaces around it")
        if any(unicodedata.category(letter) in CONTROL for letter in name):
            raise ValueError(f"{field}: the name {name!r} must be without line breaks and control characters")


def row_label(variant: str, readout: str) -> str:
    """The name of a row: its variant and its readout."""
    return ", ".join(name for name in (variant, readout) if name) or "model"


def is_plain(name: str) -> bool:
    """Whether a name stands in a file's name as it is, and cannot be taken for two names."""
    return bool(PLAIN.fullmatch(name)) and len(name.encode()) <= LONGEST


def file_word(name: str) -> str:
    """A name as a part of a file's name: readable and short, but not always distinct."""
    word = re.sub(r"[^\w.+=-]+", "_", name)
    return word if len(word.encode()) <= LONGEST else word.encode()[:LONGEST].decode(errors="ignore")


def in_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in one cell of a table."""
    text = html.escape(text, quote=False)
    text = re.sub(r"([\\`*\[\]|$~])|(?<!\w)(_)|(_)(?!\w)", r"\\\g<0>", text)
    return re.sub(r"\r\n|[\r\n]", "<br>", text)


def in_csv(value: Any) -> Any:
    """A value that a spreadsheet does not take for a formula; numbers stay numbers."""
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )
