"""Enclosing subgraphs of many links: time a link against PyG and SciPy, and memory while links are streamed.

    OMP_NUM_THREADS=1 python experiments/speed/subgraph.py [--out subgraph.csv] [--links 1000000]

First, 32 pairs per batch, CPU time, against a bar: a random and a power-law graph of 200,000 nodes and 1.2
million links, 1 hop, against SciPy rows; and the graphs of links/ below the data root (GPOOL_DATA), 2 hops,
half of the pairs links, against the search of the SEAL scripts, a set per pair and SciPy slices. With
``--links 0`` it stops there. Then a random graph of 236,000 nodes and 2.4 million directed edges. One thread,
interleaved, medians.
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
from gpool.data import MissingData, data_root
from gpool.data.links.sets import link_graph
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


def seal_search(matrix: csr_matrix, pairs: Tensor, hops: int) -> None:
    """As in the SEAL scripts: the hop's neighbors as a set, then rows and columns of the members."""
    for i, j in pairs.tolist():
        visited, fringe = {i, j}, {i, j}
        for _ in range(hops):
            fringe = set(matrix[list(fringe)].indices) - visited
            visited |= fringe
            if not fringe:
                break
        members = list(visited)
        matrix[members][:, members]


def large(skew: float, nodes: int = 200_000, links: int = 1_200_000) -> tuple[Tensor, int]:
    """Ends drawn in proportion to (k + 10) ** -skew, so 0 is a random graph; ids in random order."""
    generator = np.random.default_rng(0)
    chance = ((np.arange(nodes) + 10.0) ** -skew).cumsum()
    ends = np.searchsorted(chance, chance[-1] * generator.random((2, int(1.1 * links))))
    low, high = np.sort(ends, axis=0)
    keys = generator.permutation(np.unique((low * nodes + high)[low != high]))[:links]
    return torch.from_numpy(generator.permutation(nodes)[np.stack([keys // nodes, keys % nodes])]), nodes


def against_the_bars() -> list[list[str]]:
    """Rows: graph, hops, edges per link, microseconds per link of ours and of the peer, ratio, bar."""
    cases: list[tuple[str, tuple[Tensor, int], int, float]] = [
        ("power law, 200,000 nodes", large(0.7), 1, 0.4),
        ("random, 200,000 nodes", large(0.0), 1, 0.25),
    ]
    for name in ("USAir", "PB", "Yeast", "Ecoli"):
        try:
            found = link_graph(name, data_root(None))
        except MissingData as missing:
            print(missing)
            continue
        cases.append((f"{name}, {found.num_nodes:,} nodes", (found.pairs.t(), found.num_nodes), 2, 1.0))
    return [["graph", "hops", "edges per link", "gpool us", "peer us", "ratio", "bar"], *map(measured, cases)]


def measured(case: tuple[str, tuple[Tensor, int], int, float]) -> list[str]:
    name, (edges, nodes), hops, bar = case
    graph, generator = Adjacency.from_edges(edges, nodes), torch.Generator().manual_seed(1)
    matrix = csr_matrix((np.ones(graph.num_edges), graph.col.numpy(), graph.rowptr.numpy()), (nodes, nodes))
    pairs = edges.t()[
        torch.randperm(edges.size(1), generator=generator)[: 1024 if hops == 1 else 256]
    ].clone()
    if hops > 1:  # half links, half not; on the power-law graph all are links
        pairs[::2, 1] = torch.randint(nodes, pairs[::2, 1].shape, generator=generator)
    if name.startswith("random"):
        pairs = torch.randint(nodes, (1024, 2), generator=generator)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    records = [enclosing_subgraphs(graph, part, hops) for part in pairs.split(32)]

    def ours() -> None:
        for part in pairs.split(32):
            enclosing_subgraphs(graph, part, hops)

    def peer() -> None:
        with_scipy(matrix, pairs) if hops == 1 else seal_search(matrix, pairs, hops)

    times: list[list[float]] = [[], []]
    for _ in range(7):
        for k, run in enumerate((ours, peer)):
            start = time.process_time()
            run()
            times[k].append(1e6 * (time.process_time() - start) / len(pairs))
    a, b = (statistics.median(t) for t in times)
    held = sum(record.num_edges for record in records) / len(pairs)
    return [name, str(hops), f"{held:.0f}", f"{a:.0f}", f"{b:.0f}", f"{a / b:.2f}", str(bar)]


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
    bars = against_the_bars()
    for row in bars:
        print(f"{row[0]:<28}" + "".join(f"{entry:>16}" for entry in row[1:]))
    if arguments.links == 0:
        write(arguments.out, bars)
        return
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
    write(arguments.out, [*bars, *rows])


def write(path: Path | None, rows: list[list[str]]) -> None:
    if path:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main()
