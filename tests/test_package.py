"""What holds for the package as a whole: light imports, one direction of imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = (
    "lightning",
    "ogb",
    "networkx",
    "pandas",
    "matplotlib",
    "scipy",
    "sklearn",
    "torchmetrics",
    "jsonargparse",
    "rich",
)
LAYERS = [
    {"ops"},
    {"readout", "history", "pooling", "link", "transforms"},
    {"models"},
    {"data", "training"},
    {"bench"},
    {"cli"},
]


def test_import_gpool_is_light() -> None:
    """Nothing that only training needs is imported by this package (PyG imports what it likes)."""
    script = """
import sys, torch_geometric, torch_geometric.nn
before = set(sys.modules)
import gpool
print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not set(HEAVY) & set(found.stdout.split())


def modules() -> list[Path]:
    return sorted((ROOT / "gpool").rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    part = path.relative_to(ROOT / "gpool").with_suffix("").parts[0]
    rank = {name: level for level, names in enumerate(LAYERS) for name in names}
    if part not in rank:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gpool."):
            imported = node.module.split(".")[1]  # type: ignore[union-attr]
            assert rank.get(imported, 0) <= rank[part], f"{part} imports {imported} (line {node.lineno})"
