"""The cost of the benchmark's runner itself: processor time per run of a trivial model.

    python experiments/speed/runner.py [RUNS]

A run trains one epoch of a GIN of one layer of 4 channels on graphs of two nodes in one batch, so that nearly
all of its time is the runner's: reading the configuration, starting Lightning, testing, predictions, records.
Printed are milliseconds of processor time per run (RUNS, 1,000, over two rows and two folds), of the command
and of its worker. Starting the processes is left out: a plan with one run of each row comes first.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence

import psutil
import torch
from rich.console import Console
from torch_geometric.data import Data

from gpool.bench import Plan, Store, run_plan
from gpool.data import GraphData

BAR = 50.0  # ms


class Twelve(GraphData):
    """12 graphs of two nodes; the label is the sign of the first node's feature."""

    def __init__(self, fold: int = 0) -> None:
        super().__init__(fold, folds=3, val_fraction=0.25)

    def load(self) -> Sequence[Data]:
        """The graphs."""
        x = torch.randn(12, 2, 1, generator=torch.Generator().manual_seed(0))
        x[:, 0] = x[:, 0].abs() * torch.tensor([1.0, -1.0] * 6).unsqueeze(1)
        edge_index = torch.tensor([[0, 1], [1, 0]])
        return [Data(row, edge_index, y=(row[:1, 0] > 0).long()) for row in x]


def plan(seeds: int) -> Plan:
    """Two rows and two folds of every seed."""
    encoder = {"class_path": "gpool.models.Encoder", "init_args": {"hidden_channels": 4, "num_layers": 1}}
    return Plan(
        model={"class_path": "gpool.training.GraphTask", "init_args": {"encoder": encoder}},
        data={"twelve": "runner.Twelve"},
        readouts={"mean": "torch_geometric.nn.MeanAggregation", "GNP": "gpool.GNP"},
        trainer={"max_epochs": 1, "accelerator": "cpu"},
        folds=[0, 1],
        seeds=list(range(seeds)),
    )


def processor_time(processes: Sequence[psutil.Process]) -> float:
    """Seconds, in the program and in the system."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def main() -> None:
    """Print the cost."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    quietly, mine = Console(file=io.StringIO()), [psutil.Process()]
    with tempfile.TemporaryDirectory() as folder:
        run_plan(plan(1), Store(folder), console=quietly)
        workers = mine[0].children(recursive=True)
        before = processor_time(mine), processor_time(workers)
        summary = run_plan(plan(1 + -(-runs // 4)), Store(folder), console=quietly)
        after = processor_time(mine), processor_time(workers)
    assert not summary.failed, summary.failed
    command, work = (1e3 * (end - start) / summary.finished for start, end in zip(before, after, strict=True))
    print(
        f"{summary.finished} runs: {command + work:.1f} ms of processor time each (at most {BAR:.0f}), ",
        end="",
    )
    print(f"{command:.1f} of them in the command and {work:.1f} in its worker")


if __name__ == "__main__":
    main()
