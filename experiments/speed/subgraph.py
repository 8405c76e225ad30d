"""Enclosing subgraphs of many links: time a link against PyG and SciPy, and memory while links are streamed.

    OMP_NUM_THREADS=1 python experiments/speed/subgraph.py [--out subgraph.csv] [--links 1000000]

A random graph of 236,000 nodes and 2.4 million directed edges; one thread, interleaved, medians.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
import torch
import torch_geometric
from scipy.sparse import csr_matrix
from torch import Tensor
from torch_geometric.utils import k_hop_subgraph

import gpool
from gpool.link import Adjacency, enclosing_subgraphs, iter_enclosing_subgraphs
from gpool.ops.subgraph.distance_labels import drnl

NODES, EDGES = 236_000, 1_200_000


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def restart_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def with_pyg(both: Tensor, pairs: Tensor) -> None:
    for pair in pairs:
        k_hop_subgraph(pair, 1, both, relabel_nodes=True, num_nodes=NODES)


def with_scipy(matrix: csr_matrix, pairs: Tensor) -> None:
    for pair in pairs.tolist():
        members = np.unique(np.concatenate([matrix[pair].indices, pair]))
        matrix[members][:, members]


def random_pairs(generator: torch.Generator, count: int) -> Tensor:
    i = torch.randint(NODES, (count,), generator=generator)
    return torch.stack([i, (i + torch.randint(1, NODES, (count,), generator=generator)) % NODES], dim=1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--links", type=int, default=1_000_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"torch {torch.__version__}, torch_geometric {torch_geometric.__version__}, "
        f"scipy {scipy.__version__}, "
        f"gpool {gpool.__version__}, one thread"
    )
    generator = torch.Generator().manual_seed(0)
    edges = torch.randint(NODES, (2, EDGES), generator=generator)
    edges = edges[:, edges[0] != edges[1]]
    build = seconds(lambda: Adjacency.from_edges(edges, NODES))
    graph = Adjacency.from_edges(edges, NODES)
    print(f"{graph}: sorted in {build:.2f} s")
    pairs = random_pairs(generator, 4096)
    both = torch.stack([torch.arange(NODES).repeat_interleave(graph.degree), graph.col])
    matrix = csr_matrix((np.ones(graph.num_edges), graph.col.numpy(), graph.rowptr.numpy()), (NODES, NODES))

    ways: dict[str, tuple[Callable[[], object], int]] = {
        "gpool, 1 hop, 1024 a batch": (
            lambda: [None for _ in iter_enclosing_subgraphs(graph, pairs, 1024, 1)],
            4096,
        ),
        "gpool, 1 hop, 32 a batch": (
            lambda: [None for _ in iter_enclosing_subgraphs(graph, pairs, 32, 1)],
            4096,
        ),
        "PyG k_hop_subgraph, 1 hop": (lambda: with_pyg(both, pairs[:6]), 6),
        "SciPy rows and columns, 1 hop": (lambda: with_scipy(matrix, pairs[:200]), 200),
        "gpool, 2 hops, cap 100, 32 a batch": (
            lambda: [None for _ in iter_enclosing_subgraphs(graph, pairs[:512], 32, 2, cap=100)],
            512,
        ),
        "gpool, 1 hop, with DRNL, 1024": (
            lambda: [drnl(r) for r in iter_enclosing_subgraphs(graph, pairs, 1024, 1)],
            4096,
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(5):
        for name, (run, links) in ways.items():
            times[name].append(1e6 * seconds(run) / links)
    us = {name: statistics.median(t) for name, t in times.items()}
    ours = us["gpool, 1 hop, 1024 a batch"]
    rows = [["way", "us a link", "times gpool"], *([n, f"{t:.1f}", f"{t / ours:.1f}"] for n, t in us.items())]

    hub = torch.stack([torch.zeros(100_000, dtype=torch.long), torch.arange(1, 100_001)])
    hubs = Adjacency.from_edges(torch.cat([edges, hub], 1), NODES)
    beside = torch.stack([torch.arange(1, 2049), random_pairs(generator, 2048)[:, 0]], dim=1)
    beside = beside[beside[:, 0] != beside[:, 1]]
    enclosing_subgraphs(hubs, beside[:8], 2, cap=100)
    restart_peak()
    before = peak_mib()
    spent = seconds(lambda: [None for _ in iter_enclosing_subgraphs(hubs, beside, 32, 2, cap=100)])
    rows.append(
        [
            f"2 hops, cap 100, beside a node of 100,000 links, +{peak_mib() - before:.0f} MiB",
            f"{1e6 * spent / len(beside):.1f}",
            "",
        ]
    )

    for links in (arguments.links // 10, arguments.links):
        many = random_pairs(generator, links)
        restart_peak()
        before, count = peak_mib(), 0
        start = time.perf_counter()
        for record in iter_enclosing_subgraphs(graph, many, 1024, 1):
            count += record.num_graphs
        rows.append(
            [
                f"{count:,} links streamed, +{peak_mib() - before:.0f} MiB beside the list of pairs",
                f"{1e6 * (time.perf_counter() - start) / links:.1f}",
                "",
            ]
        )
    for row in rows:
        print(f"{row[0]:<75} {row[1]:>12} {row[2]:>12}")
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main()
