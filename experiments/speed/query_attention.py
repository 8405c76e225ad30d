"""QueryAttention beside PyG's padded attention readouts, forward plus backward, on one thread.

    python experiments/speed/query_attention.py [--repeats 11] [--csv query_attention.csv]

Batch A: 256 graphs of 40 to 80 nodes. Batch B: 255 graphs of 10 to 50 nodes and one of 3,000. 64 channels,
4 queries, 4 heads, float32. The forms take turns within every repeat, and a ratio is that of their medians.
Time is processor time, which a busy machine does not stretch as it does the wall clock. A form that takes
more than two seconds runs once; one that runs out of memory is left out.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch_geometric
from torch import Tensor
from torch_geometric.nn.aggr import Aggregation, GraphMultisetTransformer, SetTransformerAggregation

import gpool

CHANNELS = 64
SLOW = 2e3  # milliseconds from which one run is enough
BARS = {"A": 0.25, "B": 0.05}  # the most that the time of QueryAttention may be of each peer's
OURS = "QueryAttention(64, query=4, heads=4)"


def sizes_of(batch: str) -> list[int]:
    """Nodes of every graph."""
    generator = torch.Generator().manual_seed(0)
    if batch == "A":
        return torch.randint(40, 81, (256,), generator=generator).tolist()
    return [*torch.randint(10, 51, (255,), generator=generator).tolist(), 3000]


def forms() -> dict[str, Aggregation]:
    """What is measured; the peers as they come, and the Set Transformer's pooling without its blocks."""
    torch.manual_seed(0)
    return {
        OURS: gpool.QueryAttention(CHANNELS, query=4, heads=4),
        "SimPool": gpool.QueryAttention(CHANNELS, value="identity", power=2.0),
        "adaptive pooling, 4 heads": gpool.QueryAttention(CHANNELS, heads=4),
        "Hopfield, 4 seeds, 3 steps": gpool.QueryAttention(CHANNELS, query=4, steps=3, layer_norm=True),
        "SetTransformerAggregation": SetTransformerAggregation(CHANNELS, num_seed_points=4, heads=4),
        "... its PMA alone": SetTransformerAggregation(
            CHANNELS, num_seed_points=4, num_encoder_blocks=0, num_decoder_blocks=0, heads=4
        ),
        "GraphMultisetTransformer": GraphMultisetTransformer(CHANNELS, k=4, heads=4),
    }


PEERS = ("SetTransformerAggregation", "... its PMA alone", "GraphMultisetTransformer")


def inputs(batch: str) -> tuple[Tensor, Tensor, int]:
    torch.manual_seed(1)
    sizes = torch.tensor(sizes_of(batch))
    index = torch.repeat_interleave(sizes)
    return torch.randn(index.numel(), CHANNELS, requires_grad=True), index, sizes.numel()


def once(form: Callable[..., Tensor], x: Tensor, index: Tensor, size: int) -> float:
    """Milliseconds of one forward and one backward."""
    x.grad = None
    start = time.process_time()
    form(x, index, dim_size=size).sum().backward()
    return (time.process_time() - start) * 1e3


def measure(batch: str, repeats: int) -> dict[str, float]:
    """All forms in turn, ``repeats`` times after one that is not counted; the median of each."""
    data, running = inputs(batch), forms()
    spent: dict[str, list[float]] = {name: [] for name in running}
    for repeat in range(-1, repeats):
        for name, form in list(running.items()):
            try:
                took = once(form, *data)  # counts only if it is slow: it finds what another form has left
                took = once(form, *data) if took <= SLOW else took
            except (MemoryError, RuntimeError) as error:
                print(f"{batch}: {name} left out: {str(error).splitlines()[0]}")
                del running[name], spent[name]
                continue
            if repeat >= 0 or took > SLOW:
                spent[name].append(took)
            if took > SLOW:
                del running[name]
    return {name: statistics.median(times) for name, times in spent.items()}


def main() -> None:
    """Measures, prints the table and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--csv", default="query_attention.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    made = f"python {platform.python_version()}, torch {torch.__version__}, PyG {torch_geometric.__version__}"
    print(f"gpool {gpool.__version__}, {made}, 1 thread, median of {args.repeats}, CPU ms forward + backward")
    rows = []
    for batch, bar in BARS.items():
        middle = measure(batch, args.repeats)
        for name, ms in middle.items():
            ratio = f"{middle[OURS] / ms:.3f}"
            verdict = ""
            if name in PEERS and name != "... its PMA alone":
                verdict = f"at most {bar}: " + ("met" if float(ratio) <= bar else "NOT MET")
            rows.append([batch, name, f"{ms:.2f}", ratio, verdict, made])
    print(f"\n{'batch':6}{'form':38}{'ms':>9}{'ours / form':>13}")
    for batch, name, taken, ratio, verdict, _ in rows:
        print(f"{batch:6}{name:38}{taken:>9}{ratio:>13}  {verdict}")
    with open(args.csv, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["batch", "form", "ms", "ours_over_form", "bar", "versions"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
