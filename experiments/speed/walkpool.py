"""WalkPool's layer against the published algorithm, one thread, interleaved; and its time by edges.

    OMP_NUM_THREADS=1 python experiments/speed/walkpool.py [--out walkpool.csv]

The reference carries an n x n identity through the walk, as the paper's equations are usually coded: for
every head and step one gather and one scatter of [E, n_max], for the graph with the target link and without
it. Memory is by how much one forward and backward raises a process's resident peak (Linux).
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch_geometric
from torch import Tensor

import gpool
from gpool.ops.subgraph.record import EnclosingSubgraphs
from gpool.ops.subgraph.walk_profile import transition_weights, walk_profile

CHANNELS, HEADS, LENGTH = 80, 2, 7


def subgraphs(links: int, nodes: int, edges: int, seed: int = 0) -> EnclosingSubgraphs:
    """Random symmetric subgraphs of the given sizes; the target is an edge of each."""
    generator = torch.Generator().manual_seed(seed)
    both, target = [], []
    for b in range(links):
        pairs = torch.combinations(torch.arange(nodes))
        pairs = pairs[torch.randperm(pairs.size(0), generator=generator)[: edges // 2]].t() + b * nodes
        both.append(torch.cat([pairs, pairs.flip(0)], dim=1))
        mine = torch.zeros(pairs.size(1), dtype=torch.bool)
        mine[0] = True
        target.append(mine.repeat(2))
    return EnclosingSubgraphs.from_edges(
        torch.cat(both, 1), torch.cat(target), torch.arange(links).repeat_interleave(nodes)
    )


def reference(layer: gpool.WalkPool, z: Tensor, graphs: EnclosingSubgraphs) -> Tensor:
    """The same features with every column of the powers."""
    source, destination = graphs.edge_index
    query = layer.query(z).view(z.size(0), layer.heads, -1)
    key = layer.key(z).view(z.size(0), layer.heads, -1)
    logits = (query[destination] * key[source]).sum(-1) * layer.hidden_channels**-0.5
    first = torch.searchsorted(graphs.batch, torch.arange(graphs.num_graphs))
    local = torch.arange(z.size(0)) - first[graphs.batch]
    width = int(local.max()) + 1
    i, j = graphs.target.t()
    blocks: list[list[Tensor]] = [[] for _ in range(6)]
    for h in range(layer.heads):
        traces = []
        for version, weight in enumerate(transition_weights(logits, graphs)):
            state = torch.zeros(z.size(0), width, dtype=z.dtype)
            state[torch.arange(z.size(0)), local] = 1.0
            trace = []
            for step in range(layer.walk_length + 1):
                message = weight[:, h, None] * state[source]
                state = torch.zeros_like(state).index_add(0, destination, message)
                if step > 0:
                    diagonal = state.gather(1, local[:, None]).squeeze(1)
                    trace.append(
                        torch.zeros(graphs.num_graphs, dtype=z.dtype).index_add(0, graphs.batch, diagonal)
                    )
                    blocks[2 + version].append(diagonal[i] + diagonal[j])
                    blocks[4 + version].append(state[i, local[j]] + state[j, local[i]])
            traces.append(torch.stack(trace))
        blocks[0].extend(traces[0] - traces[1])
        own = logits[:, h].sigmoid().masked_fill(~graphs.is_target, 0.0)
        blocks[1].append(
            torch.zeros(graphs.num_graphs, dtype=z.dtype).index_add(0, graphs.batch[source], own)
        )
    return torch.stack([x for block in blocks for x in block], dim=1)


def case(links: int, nodes: int, edges: int) -> tuple[gpool.WalkPool, Tensor, EnclosingSubgraphs]:
    torch.manual_seed(0)
    graphs = subgraphs(links, nodes, edges)
    return (
        gpool.WalkPool(CHANNELS, hidden_channels=32, heads=HEADS, walk_length=LENGTH, dropout=0.0),
        torch.randn(graphs.num_nodes, CHANNELS),
        graphs,
    )


def step(form: Callable[..., Tensor], layer: gpool.WalkPool, z: Tensor, graphs: EnclosingSubgraphs) -> Tensor:
    z = z.detach().requires_grad_()
    layer.zero_grad()
    out = form(z, graphs) if form is layer else form(layer, z, graphs)
    out.square().sum().backward()
    return out.detach()


def median_ms(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def peak_growth(form: str, nodes: int, edges: int) -> float:
    """MiB by which one forward and backward raises the peak of a fresh process (a small one runs before)."""
    command = [sys.executable, __file__, "--peak", form, str(nodes), str(edges)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def peak(form: str, nodes: int, edges: int) -> None:
    small, large = case(2, 10, 20), case(32, nodes, edges)
    step(small[0] if form == "gpool" else reference, *small)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is resident
    before = resident_peak()
    step(large[0] if form == "gpool" else reference, *large)
    print((resident_peak() - before) / 1024)


def resident_peak() -> int:
    """KiB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--peak", nargs=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.peak:
        peak(arguments.peak[0], int(arguments.peak[1]), int(arguments.peak[2]))
        return
    print(
        f"torch {torch.__version__}, torch_geometric {torch_geometric.__version__}, "
        f"gpool {gpool.__version__}, one thread"
    )
    layer, z, graphs = case(32, 225, 2580)
    ours, theirs = step(layer, layer, z, graphs), step(reference, layer, z, graphs)
    print(f"largest difference in float32: {(ours - theirs).abs().max():.1e}")
    fast, slow = [], []
    for _ in range(3):
        slow.append(median_ms(lambda: step(reference, layer, z, graphs), 1))
        fast.append(median_ms(lambda: step(layer, layer, z, graphs), 7))
    a, b = statistics.median(fast), statistics.median(slow)
    memory, reference_memory = peak_growth("gpool", 225, 2580), peak_growth("reference", 225, 2580)
    rows: list[list[object]] = [["form", "links", "nodes", "edges", "ms", "MiB", "us a link and 1000 edges"]]
    rows.append(["gpool.WalkPool", 32, 225, 2580, round(a, 2), round(memory, 1), ""])
    rows.append(["n x n reference", 32, 225, 2580, round(b, 1), round(reference_memory, 1), ""])
    print(f"time 1/{b / a:.0f}, memory 1/{reference_memory / memory:.0f}")
    logits = torch.randn(graphs.num_edges, HEADS, requires_grad=True)
    alone = median_ms(lambda: walk_profile(logits, graphs, LENGTH).square().sum().backward(), 7)
    rows.append(["walk_profile alone", 32, 225, 2580, round(alone, 2), "", ""])
    for edges in (1000, 2000, 4000, 8000, 16000):
        layer, z, graphs = case(32, edges // 10, edges)
        ms = median_ms(lambda: step(layer, layer, z, graphs), 7)  # noqa: B023
        rows.append(
            [
                "gpool.WalkPool",
                32,
                edges // 10,
                edges,
                round(ms, 2),
                "",
                round(1e3 * ms / 32 / edges * 1000, 1),
            ]
        )
    for row in rows:
        print("  ".join(f"{x!s:>18}" for x in row))
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main()
