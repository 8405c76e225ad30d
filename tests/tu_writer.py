"""A small set in the format of the TU collection."""

from __future__ import annotations

from pathlib import Path


def write_tu(root: Path, name: str, node_labels: bool, attributes: bool = False) -> None:
    """20 paths of 3 to 5 nodes in the TU format, labeled 1 and -1 in turn."""
    raw = root / "tu" / name / "raw"
    raw.mkdir(parents=True)
    edges, owner, node = [], [], 1
    for graph in range(20):
        size = 3 + graph % 3
        for i in range(node, node + size - 1):
            edges += [f"{i}, {i + 1}", f"{i + 1}, {i}"]
        owner += [str(graph + 1)] * size
        node += size
    (raw / f"{name}_A.txt").write_text("\n".join(edges) + "\n")
    (raw / f"{name}_graph_indicator.txt").write_text("\n".join(owner) + "\n")
    (raw / f"{name}_graph_labels.txt").write_text("\n".join(["1", "-1"] * 10) + "\n")
    if attributes:
        lines = "\n".join(f"{i * i % 7 - 3}.5, 100" for i in range(node - 1))
        (raw / f"{name}_node_attributes.txt").write_text(lines + "\n")
    if node_labels:
        (raw / f"{name}_node_labels.txt").write_text("\n".join(str(i % 2) for i in range(node - 1)) + "\n")
