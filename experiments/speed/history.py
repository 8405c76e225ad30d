"""HistoGraph beside its naive form and beside one attention call per graph: time and memory.

    python experiments/speed/history.py [--repeats 15] [--csv history.csv]

One thread; forward plus backward; L = 5 layers, 64 channels, 4 heads. Batch A has 256 graphs of 40 to 80
nodes, batch B 255 graphs of 10 to 50 nodes and one of 3,000. The forms take turns within every repeat, and a
ratio is the ratio of their medians. Time is the processor's, which a busy machine does not stretch as it does
the clock on the wall. Memory is the peak above the start of one forward and backward, in a process of its own
for each form, polled from the resident set.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
import torch_geometric
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

import gpool

LAYERS, CHANNELS, HEADS = 5, 64, 4
Form = Callable[[list[Tensor], Tensor, int], Tensor]


def sizes_of(batch: str) -> list[int]:
    generator = torch.Generator().manual_seed(0)
    if batch == "A":
        return torch.randint(40, 81, (256,), generator=generator).tolist()
    return [*torch.randint(10, 51, (255,), generator=generator).tolist(), 3000]


class Naive(nn.Module):
    """Stack, project, to_dense_batch, nn.MultiheadAttention: the equations written down."""

    def __init__(self, readout: gpool.HistoGraph, need_weights: bool) -> None:
        super().__init__()
        self.readout, self.need_weights = readout, need_weights
        assert readout.attention is not None
        self.attention = nn.MultiheadAttention(CHANNELS, HEADS, batch_first=True)
        self.attention.in_proj_weight = readout.attention.in_proj.weight
        self.attention.in_proj_bias = readout.attention.in_proj.bias
        self.attention.out_proj = readout.attention.out_proj  # type: ignore[assignment]

    def forward(self, history: list[Tensor], index: Tensor, dim_size: int) -> Tensor:
        h = self.stage_one(history, index, dim_size)
        dense, mask = to_dense_batch(h, index, batch_size=dim_size)
        z, _ = self.attention(dense, dense, dense, key_padding_mask=~mask, need_weights=self.need_weights)
        return (z * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)

    def stage_one(self, history: list[Tensor], index: Tensor, dim_size: int) -> Tensor:
        readout = self.readout
        x = readout.embed[0](torch.stack(history, dim=1))  # [N, L, C]
        x = x + gpool.history.depth_encoding(LAYERS, CHANNELS, x)
        q, k = readout.query(x[:, -1]), readout.key(x)
        scores = (q[:, None] * k).sum(-1) / CHANNELS**0.5  # [N, L]
        count = torch.bincount(index, minlength=dim_size)[:, None]
        mean = scores.new_zeros(dim_size, LAYERS).index_add(0, index, scores) / count
        alpha = mean / mean.sum(-1, keepdim=True)
        return (alpha[index][:, :, None] * x).sum(1)


class LoopOfCalls(Naive):
    """The layer's own first stage, then one attention call per graph, each on its own rows."""

    def forward(self, history: list[Tensor], index: Tensor, dim_size: int) -> Tensor:
        readout, sizes = self.readout, torch.bincount(index, minlength=dim_size).tolist()
        last_mean = gpool.ops.segment.segment_mean(history[-1], index, dim_size=dim_size)
        h = readout._mixed(history, last_mean, index, dim_size)
        attention = readout.attention
        assert attention is not None
        rows = attention.in_proj(h).view(-1, 3, HEADS, CHANNELS // HEADS).split(sizes)  # [n, 3, H, D] each
        out = []
        for x in rows:
            q, k, v = x.permute(1, 2, 0, 3)[:, None].unbind(0)  # [1, H, n, D] each
            y = F.scaled_dot_product_attention(q, k, v)
            out.append(y[0].transpose(0, 1).reshape(-1, CHANNELS).mean(0))
        return attention.out_proj(torch.stack(out))


def forms_for(batch: str) -> dict[str, Form]:
    torch.manual_seed(0)
    readout = gpool.HistoGraph(CHANNELS, heads=HEADS)
    forms: dict[str, Form] = {"HistoGraph": readout, "loop, one call per graph": LoopOfCalls(readout, False)}
    if batch == "A":
        forms["naive, need_weights=False"] = Naive(readout, False)
        forms["naive (as nn.MultiheadAttention comes)"] = Naive(readout, True)
    return forms


def inputs_for(batch: str) -> tuple[list[Tensor], Tensor, int, Tensor]:
    torch.manual_seed(1)
    sizes = torch.tensor(sizes_of(batch))
    index = torch.repeat_interleave(torch.arange(sizes.numel()), sizes)
    history = [torch.randn(index.numel(), CHANNELS, requires_grad=True) for _ in range(LAYERS)]
    return history, index, sizes.numel(), torch.randn(sizes.numel(), CHANNELS)


def once(form: Form, batch: tuple[list[Tensor], Tensor, int, Tensor]) -> tuple[float, Tensor]:
    history, index, size, grad = batch
    for x in history:
        x.grad = None
    start = time.process_time()
    y = form(history, index, size)
    y.backward(grad)
    return time.process_time() - start, y.detach()


def resident() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory(batch: str, name: str, answer: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    """MiB of the peak above the start, in a process that has run nothing of the kind before."""
    torch.set_num_threads(1)
    form, data = forms_for(batch)[name], inputs_for(batch)
    start, peak, done = resident(), [0.0], threading.Event()

    def poll() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], resident())
            time.sleep(0.0005)

    watcher = threading.Thread(target=poll)
    watcher.start()
    once(form, data)
    done.set()
    watcher.join()
    answer.put(max(peak[0], resident()) - start)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--csv", default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    versions = (
        f"torch {torch.__version__}, torch_geometric {torch_geometric.__version__}, {platform.machine()}"
    )
    print(f"{versions}; 1 thread; forward + backward; median of {args.repeats}\n")
    rows = []
    context = multiprocessing.get_context("spawn")
    for batch in ("A", "B"):
        forms, data = forms_for(batch), inputs_for(batch)
        times: dict[str, list[float]] = {name: [] for name in forms}
        first = once(forms["HistoGraph"], data)[1]
        for name, form in forms.items():
            gap = float((once(form, data)[1] - first).abs().max() / first.abs().max())
            assert gap < 1e-3, f"{name} computes something else: relative gap {gap}"
        for _ in range(args.repeats):
            for name, form in forms.items():
                times[name].append(once(form, data)[0])
        own = statistics.median(times["HistoGraph"])
        for name in forms:
            answer = context.Queue()
            process = context.Process(target=memory, args=(batch, name, answer))
            process.start()
            peak = answer.get()
            process.join()
            median = statistics.median(times[name])
            rows.append([batch, name, f"{median * 1e3:.1f}", f"{own / median:.2f}", f"{peak:.0f}", versions])
    print(f"{'batch':5}  {'form':40}  {'ms':>7}  {'HistoGraph / form':>17}  {'MiB above start':>15}")
    for row in rows:
        print(f"{row[0]:5}  {row[1]:40}  {row[2]:>7}  {row[3]:>17}  {row[4]:>15}")
    if args.csv:
        with open(args.csv, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["batch", "form", "ms", "histograph_over_form", "mib_above_start", "versions"])
            writer.writerows(rows)


if __name__ == "__main__":
    main()
