"""Predictions of every graph of a set, alone and in shuffled batches: does a batch change one?

    GPOOL_DATA=... python experiments/batch_independence.py [SET ...] [--trained] [--csv FILE]

Every pooling and network is built at random (with ``--trained`` it is trained for two epochs on 512 graphs).
Then each graph is scored alone and in shuffled batches of 32 and 256. A graph is counted where its output
differs by more than 1e-5 of max(1, its largest output), in float32, on one thread.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import MeanAggregation, SumAggregation

import gpool
from gpool.data import TU
from gpool.models import Encoder, GraphModel, GraphParsingNetwork, SparseHierarchicalNet
from gpool.pooling import Pooling

SETS = ("MUTAG", "PTC_MR", "IMDB-BINARY", "PROTEINS", "NCI1")
C = 64


def pooled(make: Callable[[], Pooling], conv: str = "gin") -> Callable[[int, int], nn.Module]:
    """A graph model with two levels of a pooling."""
    return lambda width, classes: GraphModel(
        Encoder(width, hidden_channels=C, num_layers=2, conv=conv),  # type: ignore[arg-type]
        MeanAggregation(),
        out_channels=classes,
        pooling=[make(), make()],
    )


MODELS: dict[str, Callable[[int, int], nn.Module]] = {
    "GraphParsing": pooled(lambda: gpool.GraphParsing(C)),
    "GraphParsing gcn": pooled(lambda: gpool.GraphParsing(C), "gcn"),
    "GraphParsing merge": pooled(lambda: gpool.GraphParsing(C, ties="merge")),
    "GraphParsing self_loops": pooled(lambda: gpool.GraphParsing(C, self_loops=True)),
    "GraphParsing weighted": pooled(lambda: gpool.GraphParsing(C, weighted=True)),
    "SparseCoarsening 0.5": pooled(lambda: gpool.SparseCoarsening(C, ratio=0.5)),
    "SparseCoarsening 0.8 gcn": pooled(lambda: gpool.SparseCoarsening(C, ratio=0.8), "gcn"),
    "EdgeContraction matching": pooled(lambda: gpool.EdgeContraction(C)),
    "EdgeContraction tanh": pooled(lambda: gpool.EdgeContraction(C, score="tanh")),
    "EdgeContraction components": pooled(lambda: gpool.EdgeContraction(C, merge="components", contract=0.3)),
    "GraphParsingNetwork 128": lambda width, classes: GraphParsingNetwork(
        width, hidden_channels=128, out_channels=classes
    ),
    "GraphParsingNetwork merge": lambda width, classes: GraphParsingNetwork(
        width, hidden_channels=128, out_channels=classes, ties="merge"
    ),
    "SparseHierarchicalNet": lambda width, classes: SparseHierarchicalNet(
        width, hidden_channels=128, out_channels=classes
    ),
    "no pooling, sum": lambda width, classes: GraphModel(
        Encoder(width, hidden_channels=C, num_layers=2), SumAggregation(), out_channels=classes
    ),
}


def score(model: nn.Module, batch: Batch) -> Tensor:
    weights = torch.ones(batch.edge_index.size(1)) if "weighted" in repr(model) else None
    return model(batch.x, batch.edge_index, weights, batch.batch, batch.num_graphs)


def train(model: nn.Module, graphs: list[Data], epochs: int = 2) -> None:
    """Two short epochs: enough for scores and norms to leave their start."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    chosen = torch.randperm(len(graphs))[:512].tolist()
    model.train()
    for _ in range(epochs):
        for start in range(0, len(chosen), 32):
            batch = Batch.from_data_list([graphs[i] for i in chosen[start : start + 32]])
            optimizer.zero_grad()
            F.cross_entropy(score(model, batch), batch.y.view(-1)).backward()
            optimizer.step()


@torch.no_grad()
def changes(model: nn.Module, graphs: list[Data]) -> dict[int, tuple[int, float]]:
    """For each batch size how many graphs change, and the largest relative difference."""
    model.eval()
    alone = torch.cat([score(model, Batch.from_data_list([graph])) for graph in graphs])
    scale = alone.abs().amax(1).clamp(min=1)
    found = {}
    for size in (32, 256):
        order = torch.randperm(len(graphs))
        together = torch.empty_like(alone)
        for part in order.split(size):
            together[part] = score(model, Batch.from_data_list([graphs[i] for i in part.tolist()]))
        difference = (together - alone).abs().amax(1) / scale
        found[size] = (int((difference > 1e-5).sum()), float(difference.max()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--trained", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    for name in args.sets:
        data = TU(name)
        graphs = list(data.graphs)
        for label, make in MODELS.items():
            torch.manual_seed(args.seed)
            model, start = make(data.num_features, data.num_outputs), time.perf_counter()
            if args.trained:
                train(model, graphs)
            for size, (count, worst) in changes(model, graphs).items():
                row = {"data": name, "model": label, "trained": args.trained, "seed": args.seed,
                       "batch": size, "graphs": len(graphs), "changed": count, "worst": worst}  # fmt: skip
                rows.append(row)
                print(*row.values(), f"{time.perf_counter() - start:.0f} s", flush=True)
    print(f"{sum(int(str(row['changed'])) for row in rows)} changes in {len(rows)} rows")
    if args.csv:
        with open(args.csv, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
