"""Memory of one pooling level against the number of nodes, beside a dense soft assignment.

    python experiments/speed/pooling_memory.py [--csv FILE] [--png FILE] [--sizes 1000 3000 ...]

One Erdős-Rényi graph with twice as many edges as nodes and 128 channels, as in the memory experiments of
arXiv:1811.01287 and arXiv:2402.14393, on one CPU thread. The figure is the rise in peak resident memory in
one forward and backward pass, each in a process of its own. The dense one is PyG's ``dense_diff_pool`` with a
quarter as many clusters; it stops at 10,000 nodes.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch_geometric
from torch import Tensor
from torch_geometric.nn import dense_diff_pool
from torch_geometric.utils import to_undirected

import gpool

CHANNELS = 128
SIZES = [1_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000]
DENSE_LIMIT = 10_000


def dense(x: Tensor, edge_index: Tensor) -> Tensor:
    """DiffPool's coarsening with an assignment that is linear in the features."""
    adjacency = torch.zeros(x.size(0), x.size(0))
    adjacency[edge_index[0], edge_index[1]] = 1.0
    assignment = torch.nn.Linear(CHANNELS, x.size(0) // 4)(x)
    pooled, coarse, _, _ = dense_diff_pool(x, adjacency, assignment)
    return pooled.sum() + coarse.sum()


def sparse(make: Callable[[], torch.nn.Module]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, edge_index: make()(x, edge_index).x.sum()


LAYERS = {
    "GraphParsing": sparse(lambda: gpool.GraphParsing(CHANNELS)),
    "SparseCoarsening": sparse(lambda: gpool.SparseCoarsening(CHANNELS)),
    "EdgeContraction": sparse(lambda: gpool.EdgeContraction(CHANNELS)),
    "dense_diff_pool (PyG)": dense,
}


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def measure(name: str, nodes: int) -> None:
    """One pass in this process: MiB that the peak rose by."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    LAYERS[name](torch.randn(64, CHANNELS, requires_grad=True), torch.tensor([[0, 1], [1, 0]])).backward()
    once = torch.randint(nodes, (2, 2 * nodes))
    edge_index = to_undirected(once[:, once[0] != once[1]], num_nodes=nodes)
    x = torch.randn(nodes, CHANNELS, requires_grad=True)
    before = peak()
    LAYERS[name](x, edge_index).backward()
    print(json.dumps(peak() - before))


def draw(rows: list[dict[str, float | str]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.5, 3.8), layout="constrained")
    for name in LAYERS:
        mine = [row for row in rows if row["layer"] == name]
        axes.loglog([row["nodes"] for row in mine], [row["MiB"] for row in mine], marker="o", label=name)
    axes.set_xlabel("nodes")
    axes.set_ylabel("memory of one level, MiB")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--png", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one[0], int(given.one[1]))
        return
    print(
        f"gpool {gpool.__version__}, torch {torch.__version__}, torch_geometric {torch_geometric.__version__}"
    )
    rows: list[dict[str, float | str]] = []
    for name in LAYERS:
        for nodes in given.sizes:
            if name.startswith("dense") and nodes > DENSE_LIMIT:
                continue
            command = [sys.executable, __file__, "--one", name, str(nodes)]
            value = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"  {name:24s}{nodes:8d} nodes{value:10.1f} MiB", flush=True)
            rows.append({"layer": name, "nodes": nodes, "MiB": round(value, 2)})
    if given.csv:
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["layer", "nodes", "MiB"])
            writer.writeheader()
            writer.writerows(rows)
    if given.png:
        draw(rows, given.png)


if __name__ == "__main__":
    main()
