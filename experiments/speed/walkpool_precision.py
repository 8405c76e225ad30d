"""Float32 error of the walk profile against float64, for two ways to compute it.

    python experiments/speed/walkpool_precision.py [--out precision.csv]

One walk: the walk with the target link, and the 2 x 2 series divided (what gpool does). Two walks: the walk
without the target link as well; blocks without it are read off that walk, and the change of the trace comes
from the determinant series on that side. The reference is dense matrix powers in float64.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import torch
from torch import Tensor

from gpool.ops.csr import csr_powers
from gpool.ops.subgraph.record import EnclosingSubgraphs
from gpool.ops.subgraph.walk_profile import transition_weights, walk_profile

LENGTH = 7


def subgraph(generator: torch.Generator) -> EnclosingSubgraphs:
    nodes = int(torch.randint(2, 60, (), generator=generator))
    pairs = torch.combinations(torch.arange(nodes))
    density = float(torch.rand((), generator=generator)) * 0.3
    kept = pairs[torch.rand(pairs.size(0), generator=generator) < density]
    kept = kept[(kept != torch.tensor([0, 1])).any(1)]
    edges = torch.cat([kept, kept.flip(1), torch.tensor([[0, 1], [1, 0]])]).t()
    mine = torch.zeros(edges.size(1), dtype=torch.bool)
    mine[-2:] = True
    return EnclosingSubgraphs.from_edges(edges, mine, torch.zeros(nodes, dtype=torch.long))


def dense(logits: Tensor, graph: EnclosingSubgraphs) -> tuple[Tensor, Tensor]:
    """Change of the trace and node- and link- from powers in float64: [L] and [2 L]."""
    i, j = graph.target[0]
    trace, blocks = [], []
    matrices = []
    for weight in transition_weights(logits, graph):
        matrix = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.double)
        matrices.append(
            matrix.index_put((graph.edge_index[1], graph.edge_index[0]), weight[:, 0], accumulate=True)
        )
    for k in range(2, LENGTH + 2):
        plus, minus = (torch.linalg.matrix_power(m, k) for m in matrices)
        trace.append(plus.trace() - minus.trace())
        blocks.append(torch.stack([minus[i, i] + minus[j, j], minus[i, j] + minus[j, i]]))
    return torch.stack(trace), torch.stack(blocks, 1).view(-1)


def one_walk(logits: Tensor, graph: EnclosingSubgraphs) -> tuple[Tensor, Tensor]:
    trace, _, _, node, _, link = walk_profile(logits, graph, LENGTH)[0].split([LENGTH, 1, *[LENGTH] * 4])
    return trace, torch.cat([node, link])


def two_walks(logits: Tensor, graph: EnclosingSubgraphs) -> tuple[Tensor, Tensor]:
    plus, minus = (weight[:, 0] for weight in transition_weights(logits, graph))
    i, j = graph.target[0]
    start = torch.zeros(graph.num_nodes, 2, dtype=logits.dtype)
    start[i, 0] = start[j, 1] = 1.0
    states = csr_powers(graph.pattern(1), minus, start, LENGTH + 1)
    source = graph.edge_index[0, graph.end_edge]
    change = (plus - minus)[graph.end_edge].view(-1, 1)
    m = torch.stack(
        [
            torch.zeros(2, 2, dtype=logits.dtype).index_add(0, graph.end_slot, change * v[source])
            for v in states
        ]
    )
    f = []  # det(1 - sum z^(t + 1) M_t) = 1 + f_1 z + ...
    for t in range(1, LENGTH + 2):
        value = -(m[t - 1, 0, 0] + m[t - 1, 1, 1])
        for k in range(1, t):
            value = value + m[k - 1, 0, 0] * m[t - k - 1, 1, 1] - m[k - 1, 0, 1] * m[t - k - 1, 1, 0]
        f.append(value)
    trace: list[Tensor] = []
    for t in range(1, LENGTH + 2):
        trace.append(
            -(t * f[t - 1] + sum((f[k - 1] * trace[t - k - 1] for k in range(1, t)), torch.zeros(())))
        )
    block = states[2:, graph.target[0]]
    node, link = block[:, 0, 0] + block[:, 1, 1], block[:, 0, 1] + block[:, 1, 0]
    return torch.stack(trace[1:]), torch.cat([node, link])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--graphs", type=int, default=100)
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    rows: list[list[object]] = [
        ["logits' deviation", "target's shift", "way", "trace", "blocks without the link"]
    ]
    worst = {"one walk": [0.0, 0.0], "two walks": [0.0, 0.0]}
    for spread in (1.0, 4.0, 8.0):
        for shift in (-10.0, 0.0, 15.0):
            error = {name: [0.0, 0.0] for name in worst}
            for _ in range(arguments.graphs):
                graph = subgraph(generator)
                logits = spread * torch.randn(graph.num_edges, 1, generator=generator)
                logits[graph.is_target] += shift
                right = dense(logits.double(), graph)
                for name, way in (("one walk", one_walk), ("two walks", two_walks)):
                    for k, (found, true) in enumerate(zip(way(logits, graph), right, strict=True)):
                        error[name][k] = max(error[name][k], float((found.double() - true).abs().max()))
            for name, (trace, blocks) in error.items():
                rows.append([spread, shift, name, f"{trace:.1e}", f"{blocks:.1e}"])
                worst[name] = [max(worst[name][0], trace), max(worst[name][1], blocks)]
    for name, (trace, blocks) in worst.items():
        rows.append(["all", "all", name, f"{trace:.1e}", f"{blocks:.1e}"])
    for row in rows:
        print("  ".join(f"{x!s:>24}" for x in row))
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main()
