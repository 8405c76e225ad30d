"""Readouts and segment operations against PyG's, forward plus backward, on one thread.

    python experiments/speed/readouts.py [--repeats 30] [--csv readouts.csv]

Batch A: 256 graphs of 40 to 80 nodes. Batch B: one graph of 100,000 nodes. 64 channels, float32.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch_geometric
from torch import Tensor
from torch_geometric.nn.aggr import (
    Aggregation,
    AttentionalAggregation,
    MaxAggregation,
    PowerMeanAggregation,
    SumAggregation,
)
from torch_geometric.utils import softmax

import gpool
from gpool.ops.segment import segment_attend, segment_logsumexp, segment_max, segment_softmax, segment_sum

CHANNELS = 64


class Row(NamedTuple):
    """Ours against a peer: milliseconds, their ratio and the most that it may be."""

    batch: str
    ours: str
    peer: str
    ours_ms: float
    peer_ms: float
    ratio: float
    bar: float | None


class Batch:
    """Random node features, the graphs they belong to, and what arrives in the backward."""

    def __init__(self, sizes: Tensor) -> None:
        self.index = torch.repeat_interleave(sizes)
        self.size, nodes = sizes.numel(), int(sizes.sum())
        self.x = torch.randn(nodes, CHANNELS, requires_grad=True)
        self.by_graph, self.by_node = torch.randn(self.size, CHANNELS), torch.randn(nodes, CHANNELS)
        self.score = torch.randn(nodes, 1, requires_grad=True)

    def run(self, function: Callable[[], Tensor]) -> None:
        """One forward and one backward."""
        self.x.grad = None
        y = function()
        y.backward(self.by_node if y.size(0) == self.x.size(0) else self.by_graph.view_as(y))

    def calls(self) -> dict[str, Callable[[], Tensor]]:
        """What is measured, by name."""
        x, index, size = self.x, self.index, self.size

        def pooled(layer: Aggregation) -> Callable[[], Tensor]:
            return lambda: layer(x, index, dim_size=size)

        return {
            "GNP(64)": pooled(gpool.GNP(CHANNELS)),
            "GNP(64, branch='both')": pooled(gpool.GNP(CHANNELS, branch="both")),
            "PowerMean(64)": pooled(gpool.PowerMean(CHANNELS)),
            "LogMeanExp(None)": pooled(gpool.LogMeanExp(None)),
            "segment_sum": lambda: segment_sum(x, index, dim_size=size),
            "segment_max": lambda: segment_max(x, index, dim_size=size),
            "segment_softmax": lambda: segment_softmax(x, index, dim_size=size),
            "segment_logsumexp": lambda: segment_logsumexp(x, index, dim_size=size),
            "segment_attend": lambda: segment_attend(self.score, x, index, dim_size=size),
            "PyG sum": pooled(SumAggregation()),
            "PyG max": pooled(MaxAggregation()),
            "PyG power mean": pooled(PowerMeanAggregation(learn=True, channels=CHANNELS)),
            "PyG softmax": lambda: softmax(x, index, num_nodes=size),
            "PyG attention": pooled(AttentionalAggregation(_Scores(self.score))),
        }


class _Scores(torch.nn.Module):
    """Scores that are there already, so that only the read is measured."""

    def __init__(self, score: Tensor) -> None:
        super().__init__()
        self.score = score

    def forward(self, x: Tensor) -> Tensor:
        return self.score


PAIRS: list[tuple[str, str, float | None]] = [
    ("GNP(64)", "PyG power mean", 0.2),
    ("GNP(64)", "PyG sum", 2.5),
    ("segment_max", "PyG max", 0.35),
    ("segment_softmax", "PyG softmax", 0.6),
    ("GNP(64, branch='both')", "PyG power mean", None),
    ("PowerMean(64)", "PyG power mean", None),
    ("LogMeanExp(None)", "PyG sum", None),
    ("segment_logsumexp", "PyG sum", None),
    ("segment_sum", "PyG sum", None),
    ("segment_attend", "PyG attention", None),
]


def measure(name: str, batch: Batch, repeats: int) -> list[Row]:
    """All calls in turn, ``repeats`` times; the median of each."""
    calls = batch.calls()
    spent: dict[str, list[float]] = {call: [] for call in calls}
    for repeat in range(repeats + 2):
        for call, function in calls.items():
            batch.run(function)  # not counted: the state in which another call left caches and allocator
            start = time.process_time()
            batch.run(function)
            if repeat >= 2:  # the first two warm up
                spent[call].append((time.process_time() - start) * 1e3)
    middle = {call: statistics.median(times) for call, times in spent.items()}
    return [Row(name, o, p, middle[o], middle[p], middle[o] / middle[p], bar) for o, p, bar in PAIRS]


def main() -> None:
    """Measures, prints the table and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--csv", default="readouts.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes = {"A": torch.randint(40, 81, (256,)), "B": torch.tensor([100_000])}
    rows = [row for name, s in sizes.items() for row in measure(name, Batch(s), args.repeats)]
    made = f"python {platform.python_version()}, torch {torch.__version__}, PyG {torch_geometric.__version__}"
    print(
        f"gpool {gpool.__version__}, {made}, 1 thread, median of {args.repeats}, CPU ms forward + backward\n"
    )
    print(f"{'batch':6}{'ours':22}{'peer':16}{'ours ms':>9}{'peer ms':>9}{'ratio':>8}{'bar':>7}")
    for row in rows:
        bar = "" if row.bar is None else f"{row.bar:.2f}"
        verdict = "" if row.bar is None else "  met" if row.ratio <= row.bar else "  NOT MET"
        times = f"{row.ours_ms:9.2f}{row.peer_ms:9.2f}{row.ratio:8.2f}"
        print(f"{row.batch:6}{row.ours:22}{row.peer:16}{times}{bar:>7}{verdict}")
    with open(args.csv, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*Row._fields, "versions"])
        writer.writerows([*row, made] for row in rows)
    print(f"\n{args.csv}")


if __name__ == "__main__":
    main()
