"""Which readouts find the few nodes that matter? A tenth of each graph carries the label, the rest is noise.

    python examples/distractors.py                                 # 90 % distractors, less than a minute
    python examples/distractors.py --shares 50 80 90 95 --seeds 2  # the table of experiments/README.md

After the diagnostic of GLOT (arXiv:2603.03389), where a few words among random ones decide the label and
states are frozen. Here every node has a number near 1 or -1. All signal nodes of a graph have the same sign,
which is the label; distractors have any sign. In the task "marked" a signal node has a mark of its own. In
the task "alike" it has none: the signal nodes of a graph are similar to each other, in a direction that is
new for every graph. A linear map, the readout and a linear head learn from fresh graphs, so only the readout
can tell nodes apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import normalize
from torch_geometric.nn import (
    AttentionalAggregation,
    GraphConv,
    MaxAggregation,
    MeanAggregation,
    SoftmaxAggregation,
    SumAggregation,
)

import gpool

TASKS = ("marked", "alike")
CHANNELS, HIDDEN = 16, 16
STEPS, BATCH, TEST = 250, 32, 1000


def graphs(count: int, share: float, task: str, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes [N, CHANNELS], the graph of each, and the labels of the graphs, 0 or 1."""
    size = torch.randint(30, 51, (count,), generator=random)
    start, index = size.cumsum(0) - size, torch.repeat_interleave(size)
    signals = (size * (1 - share)).round().clamp(min=1)
    signal = torch.arange(len(index)) - start[index] < signals[index]
    label = torch.randint(0, 2, (count,), generator=random).float()
    draw = partial(torch.randn, generator=random)
    sign = torch.where(signal, label[index], torch.randint(0, 2, index.shape, generator=random))
    number = 2 * sign - 1 + 0.3 * draw(len(index))
    mark = 0.3 * draw(len(index)) + (signal if task == "marked" else 0)
    direction = normalize(draw(len(index), CHANNELS - 2))
    if task == "alike":
        common = normalize(draw(count, CHANNELS - 2))[index] + 0.1 * draw(len(index), CHANNELS - 2)
        direction = torch.where(signal.unsqueeze(1), normalize(common), direction)
    x = torch.cat([number.unsqueeze(1), mark.unsqueeze(1), 3 * direction], dim=1)
    return x, index, label


class OneLayerHistory(nn.Module):
    """HistoGraph over the history of one layer: attention between the nodes of a graph, then their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.readout, self.out_channels = gpool.HistoGraph(HIDDEN, heads=4), HIDDEN

    def forward(self, x: Tensor, index: Tensor, dim_size: int) -> Tensor:
        return self.readout([x], index, dim_size=dim_size)


def gate(width: int) -> AttentionalAggregation:
    return AttentionalAggregation(nn.Sequential(nn.Linear(width, 32), nn.Tanh(), nn.Linear(32, 1)))


def token_graph() -> gpool.TokenGraph:
    convs = [GraphConv(HIDDEN, 32), GraphConv(32, 32)]
    return gpool.TokenGraph(HIDDEN, convs=convs, readout=gate(HIDDEN + 64), tau=0.8)


READOUTS: dict[str, Callable[[], nn.Module]] = {
    "mean": MeanAggregation,
    "sum": SumAggregation,
    "max": MaxAggregation,
    "softmax": partial(SoftmaxAggregation, learn=True, channels=HIDDEN),
    "gated attention": partial(gate, HIDDEN),
    "GNP": partial(gpool.GNP, HIDDEN),
    "PowerMean": partial(gpool.PowerMean, HIDDEN, negative="shift"),
    "LogMeanExp": partial(gpool.LogMeanExp, HIDDEN),
    "GeneralizedSum": partial(gpool.GeneralizedSum, HIDDEN, prototypes=8, keep=0.1),
    "QueryAttention, mean query": partial(gpool.QueryAttention, HIDDEN, heads=4),
    "QueryAttention, 4 seeds": partial(gpool.QueryAttention, HIDDEN, query=4, heads=4),
    "Slots": partial(gpool.Slots, HIDDEN, slots=4, hidden=32),
    "HistoGraph": OneLayerHistory,
    "TokenGraph": token_graph,
}


class Model(nn.Module):
    """A linear map, the readout, a linear head."""

    def __init__(self, readout: nn.Module, out_channels: int) -> None:
        super().__init__()
        self.inner, self.readout = nn.Linear(CHANNELS, HIDDEN), readout
        self.head = nn.Linear(out_channels, 1)

    def forward(self, x: Tensor, index: Tensor, size: int) -> Tensor:
        return self.head(self.readout(self.inner(x), index, dim_size=size)).squeeze(1)


def accuracy(name: str, share: float, task: str, seed: int) -> float:
    """The share of 1,000 new graphs that a model with this readout gets right, after 250 batches of 32."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    readout = READOUTS[name]()
    with torch.no_grad():
        width = readout(torch.rand(1, HIDDEN), torch.zeros(1, dtype=torch.long), dim_size=1).size(1)
    model = Model(readout, width)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=STEPS)
    for _ in range(STEPS):
        x, index, label = graphs(BATCH, share, task, random)
        optimizer.zero_grad()
        cross_entropy(model(x, index, BATCH), label).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    x, index, label = graphs(TEST, share, task, torch.Generator().manual_seed(10_000 + seed))
    with torch.no_grad():
        return float(((model.eval()(x, index, TEST) > 0) == label.bool()).float().mean())


def table(names: list[str], share: float, seeds: int) -> dict[str, list[float]]:
    """The mean accuracy of each readout in each task, printed as it is found."""
    print(f"\n{share:.0%} distractors, accuracy in %, mean of {seeds} seed{'s' * (seeds > 1)}")
    print(f"{'':28}" + "".join(f"{task:>8}" for task in TASKS))
    found = {}
    for name in names:
        runs = [[accuracy(name, share, task, seed) for seed in range(seeds)] for task in TASKS]
        found[name] = [sum(run) / seeds for run in runs]
        marks = (f"{100 * mean:7.1f}{'*' if mean > 0.9 else ' '}" for mean in found[name])
        print(f"{name:28}" + "".join(marks), flush=True)
    print("* above 90 %")
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shares", nargs="+", type=float, default=[90], help="of distractors, in %%")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each readout")
    parser.add_argument("--readouts", nargs="+", choices=READOUTS, default=list(READOUTS), metavar="NAME")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = {share: table(asked.readouts, share / 100, asked.seeds) for share in asked.shares}
    for name, (marked, alike) in found.get(90, {}).items():
        blind = name in ("mean", "sum")
        assert (marked < 0.8) if blind else (marked > 0.9), f"{name}: {marked:.1%} with marked nodes"
        assert (alike > 0.9) if name == "TokenGraph" else (alike < 0.85), (
            f"{name}: {alike:.1%} with nodes alike"
        )


if __name__ == "__main__":
    main()
