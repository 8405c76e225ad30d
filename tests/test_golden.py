"""The golden cases: each file is there for a test."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent


def test_every_file_is_read_by_a_test() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in sorted(TESTS.glob("*/**/test_*.py")))
    files = [path.name for path in (TESTS / "golden").glob("*.json")]
    assert files
    assert [name for name in files if f'"{name}"' not in written] == []
