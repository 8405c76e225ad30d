"""The README's code runs, in order, as printed; its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_code_samples_run() -> None:
    samples = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(samples) >= 2
    names: dict[str, object] = {}
    for sample in samples:
        exec(compile(sample, "README.md", "exec"), names)


def test_files_and_targets_that_it_names_exist() -> None:
    named = re.findall(r"\]\(([^)]+)\)", README) + re.findall(r"(experiments/[\w/]+\.yaml)", README)
    for name in named:
        if not name.startswith("http"):
            assert (ROOT / name).is_file(), name
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
