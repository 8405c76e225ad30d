"""Time and memory of one pooling level on one CPU thread, beside the layers of PyG and Torch Geometric Pool.

    python experiments/speed/pooling.py [--csv FILE] [--growth] [--grad]

Prints the medians of interleaved forward passes and their ratios; a peer that is not installed is left out
and said so. With ``--growth`` one level of every gpool pooling on graphs of 10,000 to 1,000,000 nodes with 5
directed edges a node, each in a process of its own, with its peak of resident memory.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch_geometric
from torch import Tensor
from torch_geometric.nn import EdgePooling, TopKPooling
from torch_geometric.utils import to_undirected

import gpool

CHANNELS = 64
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
POOLINGS: dict[str, Callable[[], torch.nn.Module]] = {
    "GraphParsing": lambda: gpool.GraphParsing(CHANNELS),
    "SparseCoarsening": lambda: gpool.SparseCoarsening(CHANNELS),
    "EdgeContraction matching": lambda: gpool.EdgeContraction(CHANNELS),
    "EdgeContraction components": lambda: gpool.EdgeContraction(CHANNELS, merge="components"),
}
BARS = [  # ours, peer, at most this many times the peer's median
    ("GraphParsing", "PyG EdgePooling", 1 / 15),
    ("GraphParsing", "tgp ec", 0.6),
    ("SparseCoarsening", "PyG TopKPooling", 0.8),
]

Graph = tuple[Tensor, Tensor, Tensor, int]  # x, edge_index, batch, batch_size


def small_graphs(graphs: int = 256, low: int = 40, high: int = 80, degree: int = 4) -> Graph:
    """Batch A: graphs of 40 to 80 nodes with four neighbors on average."""
    g = torch.Generator().manual_seed(0)
    size = torch.randint(low, high + 1, (graphs,), generator=g)
    start = size.cumsum(0) - size
    once = [
        torch.randint(int(n), (2, int(n) * degree // 2), generator=g) + s
        for n, s in zip(size, start, strict=True)
    ]
    batch = torch.repeat_interleave(torch.arange(graphs), size)
    return _finish(torch.cat(once, dim=1), batch, graphs, g)


def one_graph(nodes: int, directed_edges: int) -> Graph:
    g = torch.Generator().manual_seed(1)
    once = torch.randint(nodes, (2, directed_edges // 2), generator=g)
    return _finish(once, torch.zeros(nodes, dtype=torch.long), 1, g)


def _finish(once: Tensor, batch: Tensor, graphs: int, g: torch.Generator) -> Graph:
    edge_index = to_undirected(once[:, once[0] != once[1]], num_nodes=batch.numel())
    return torch.randn(batch.numel(), CHANNELS, generator=g), edge_index, batch, graphs


def runs(graph: Graph) -> dict[str, Callable[[], Any]]:
    x, edge_index, batch, size = graph
    found: dict[str, Callable[[], Any]] = {}
    for name, make in POOLINGS.items():
        layer = make()
        found[name] = lambda layer=layer: layer(x, edge_index, None, batch, size)
    edge, top = EdgePooling(CHANNELS), TopKPooling(CHANNELS, ratio=0.8)
    found["PyG EdgePooling"] = lambda: edge(x, edge_index, batch)
    found["PyG TopKPooling"] = lambda: top(x, edge_index, batch=batch)
    try:
        from tgp.poolers import EdgeContractionPooling
    except ImportError as error:
        print(f"Torch Geometric Pool is left out: {error}")
    else:
        contraction = EdgeContractionPooling(CHANNELS)
        found["tgp ec"] = lambda: contraction(x=x, adj=edge_index, batch=batch)
    return found


def medians(graph: Graph, repeats: int, budget: float = 40.0) -> dict[str, float]:
    """Milliseconds of every layer, measured in turn, so that a busy moment falls on all of them."""
    todo = runs(graph)
    times: dict[str, list[float]] = {name: [] for name in todo}
    for name, run in todo.items():
        run()
        _ = name
    begin = time.perf_counter()
    for _ in range(repeats):
        for name, run in todo.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
        if time.perf_counter() - begin > budget:
            break
    return {name: 1e3 * statistics.median(each) for name, each in times.items()}


def compare(label: str, graph: Graph, repeats: int, rows: list[dict[str, Any]]) -> None:
    found = medians(graph, repeats)
    print(f"\n{label}: {graph[0].size(0)} nodes, {graph[1].size(1)} directed edges, {CHANNELS} channels")
    for name, value in found.items():
        print(f"  {name:28s}{value:10.2f} ms")
        rows.append({"data": label, "layer": name, "ms": round(value, 3)})
    for ours, peer, bar in BARS:
        if peer in found and (ours != "SparseCoarsening" or graph[3] > 1):
            ratio = found[ours] / found[peer]
            verdict = "met" if ratio <= bar else "MISSED"
            print(f"  {ours} / {peer} = {ratio:.4f} (1/{1 / ratio:.1f}), bar {bar:.4f}: {verdict}")


def one_level(name: str, nodes: int) -> None:
    """What a process of its own does: one level, timed, and the peak of resident memory."""
    graph = one_graph(nodes, 5 * nodes)
    x, edge_index, batch, size = graph
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    layer = POOLINGS[name]()
    times = []
    for _ in range(5 if nodes < 300_000 else 3):
        start = time.perf_counter()
        layer(x, edge_index, None, batch, size)
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"ms": 1e3 * statistics.median(times), "peak": peak / 2**20, "before": before / 2**20}))


def growth(grad: bool, rows: list[dict[str, Any]]) -> None:
    print(
        f"\none level, n nodes, 5 n directed edges, {CHANNELS} channels, autograd {'on' if grad else 'off'}"
    )
    for name in POOLINGS:
        first = 0.0
        for nodes in SIZES:
            command = [sys.executable, __file__, "--one", name, str(nodes), *(["--grad"] if grad else [])]
            out = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            scaled = out["ms"] / (nodes * math.log(nodes))
            first = first or scaled
            print(
                f"  {name:28s}{nodes:10d} nodes{out['ms']:10.1f} ms"
                f"   per n log n, 10,000 nodes = 1: {scaled / first:5.2f}"
                f"   peak {out['peak']:5.2f} GiB (inputs and libraries {out['before']:.2f})"
            )
            rows.append({"data": f"{nodes} nodes", "layer": name, **{k: round(v, 3) for k, v in out.items()}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", type=Path, help="write the rows to this file")
    parser.add_argument(
        "--growth", action="store_true", help="time and memory from 10,000 to 1,000,000 nodes"
    )
    parser.add_argument("--grad", action="store_true", help="record for the backward pass, as in training")
    parser.add_argument("--one", nargs=2, metavar=("POOLING", "NODES"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_grad_enabled(given.grad)
    if given.one:
        one_level(given.one[0], int(given.one[1]))
        return
    print(
        f"gpool {gpool.__version__}, torch {torch.__version__}, "
        f"torch_geometric {torch_geometric.__version__}, "
        f"Python {platform.python_version()}, one thread, autograd {'on' if given.grad else 'off'}"
    )
    rows: list[dict[str, Any]] = []
    if given.growth:
        growth(given.grad, rows)
    else:
        compare("batch A", small_graphs(), 15, rows)
        compare("100,000 nodes", one_graph(100_000, 500_000), 3, rows)
    if given.csv:
        names = list(dict.fromkeys(key for row in rows for key in row))
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
