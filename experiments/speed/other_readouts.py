"""Readouts with weights, slots and budgets against the simplest layer of their kind, on one thread.

    python experiments/speed/other_readouts.py [--repeats 20] [--csv other_readouts.csv]

256 graphs of 40 to 80 nodes, 64 channels, float32; CPU time of forward plus backward, calls interleaved.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import time

import torch
import torch_geometric
from torch import Tensor, nn

import gpool
from gpool.ops.segment import Segments, segment_sum

CHANNELS = 64


class LinearSum(nn.Module):
    """The sum of a linear map of the nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x: Tensor, index: Tensor, dim_size: int) -> Tensor:
        return segment_sum(self.linear(x), Segments(index, dim_size))


LAYERS = {
    "sum of linear": LinearSum,
    "GeneralizedSum(64)": lambda: gpool.GeneralizedSum(CHANNELS),
    "QueryAttention(query=4)": lambda: gpool.QueryAttention(CHANNELS, query=4),
    "Slots(slots=4)": lambda: gpool.Slots(CHANNELS, slots=4),
    "Slots(slots=4, mixture)": lambda: gpool.Slots(CHANNELS, slots=4, mixture=True),
}
PAIRS: list[tuple[str, str, float]] = [
    ("GeneralizedSum(64)", "sum of linear", 6.0),
    ("Slots(slots=4)", "QueryAttention(query=4)", 12.0),
    ("Slots(slots=4, mixture)", "QueryAttention(query=4)", 12.0),
]


def measure(repeats: int) -> dict[str, float]:
    """Median CPU milliseconds of each layer; each counted call follows one of its own that is not."""
    sizes = torch.randint(40, 81, (256,))
    index = torch.repeat_interleave(sizes)
    x = torch.randn(index.numel(), CHANNELS, requires_grad=True)
    layers = {name: make() for name, make in LAYERS.items()}
    spent: dict[str, list[float]] = {name: [] for name in layers}
    for repeat in range(repeats + 2):
        for name, layer in layers.items():
            for counted in (False, True):
                x.grad = None
                layer.zero_grad()
                start = time.process_time()
                y = layer(x, index, dim_size=256)
                y.backward(torch.ones_like(y))
                if counted and repeat >= 2:  # the first two warm up
                    spent[name].append((time.process_time() - start) * 1e3)
    return {name: statistics.median(times) for name, times in spent.items()}


def main() -> None:
    """Measures, prints the table and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--csv", default="other_readouts.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    middle = measure(args.repeats)
    made = f"python {platform.python_version()}, torch {torch.__version__}, PyG {torch_geometric.__version__}"
    print(
        f"gpool {gpool.__version__}, {made}, 1 thread, median of {args.repeats}, CPU ms forward + backward\n"
    )
    rows = [
        (ours, peer, middle[ours], middle[peer], middle[ours] / middle[peer], bar)
        for ours, peer, bar in PAIRS
    ]
    print(f"{'ours':28}{'peer':28}{'ours ms':>9}{'peer ms':>9}{'ratio':>8}{'bar':>7}")
    for ours, peer, own, other, ratio, bar in rows:
        verdict = "met" if ratio <= bar else "NOT MET"
        print(f"{ours:28}{peer:28}{own:9.2f}{other:9.2f}{ratio:8.2f}{bar:7.1f}  {verdict}")
    with open(args.csv, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["ours", "peer", "ours_ms", "peer_ms", "ratio", "bar", "versions"])
        writer.writerows([*row, made] for row in rows)
    print(f"\n{args.csv}")


if __name__ == "__main__":
    main()
