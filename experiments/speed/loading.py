"""Time of loading: checks and folds of 100,000 graphs, and batches sliced out of one store.

    python experiments/speed/loading.py [GRAPHS]

Prints, on one thread and in CPU time: an epoch of batches of 32 training graphs of NCI1 (where its files are
under the data root), by PyG's ``DataLoader`` and by ours; and for GRAPHS (100,000) synthetic graphs the
set-up, an epoch of loading, and the share that loading has of an epoch of a GIN with 3 layers of 64 channels,
whose time is measured over its first 300 batches.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from itertools import islice
from statistics import median
from typing import Any

import torch
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

import gpool
from gpool.data import TU, GraphData, Graphs, MissingData
from gpool.models import Encoder, GraphModel


def synthetic(count: int) -> list[Data]:
    """Graphs of 10 to 29 nodes with 16 features and about 2 edges per node, in both directions."""
    generator = torch.Generator().manual_seed(0)
    nodes = torch.randint(10, 30, (count,), generator=generator)
    x = torch.randn(int(nodes.sum()), 16, generator=generator).split(nodes.tolist())
    graphs = []
    for k, size in enumerate(nodes.tolist()):
        one = torch.randint(0, size, (2, 2 * size), generator=generator)
        graphs.append(Data(x=x[k], edge_index=torch.cat([one, one.flip(0)], dim=1), y=torch.tensor([k % 3])))
    return graphs


def seconds(batches: Iterable[Any]) -> float:
    """CPU time of going through all batches."""
    start = time.process_time()
    for _ in batches:
        pass
    return time.process_time() - start


def by_pyg(data: GraphData) -> DataLoader:
    """PyG's loader of the same training graphs."""
    return DataLoader([data.graphs[k] for k in data.split.train.tolist()], data.batch_size, shuffle=True)


def compare(name: str, data: GraphData, repeats: int = 7) -> float:
    """Print an epoch of loading by PyG and by ours, interleaved; return ours."""
    theirs, ours = by_pyg(data), data.train_dataloader()
    pairs = [(seconds(theirs), seconds(ours)) for _ in range(repeats)]
    before, after = (median(column) for column in zip(*pairs, strict=True))
    print(
        f"{name}: an epoch of {len(ours)} batches, PyG {before:.3f} s, ours {after:.3f} s "
        f"({before / after:.1f} x)"
    )
    return after


def training_seconds(data: GraphData, batches: int = 300) -> float:
    """CPU time of training a GIN for one epoch, without loading, from its first batches."""
    torch.manual_seed(0)
    encoder = Encoder(data.num_features, 64, num_layers=3, conv="gin")
    model = GraphModel(encoder, gpool.GNP(64), out_channels=data.num_outputs)
    optimizer = torch.optim.Adam(model.parameters())
    loaded = list(islice(data.train_dataloader(), batches))
    start = time.process_time()
    for batch in loaded:
        optimizer.zero_grad()
        logits = model(batch.x, batch.edge_index, None, batch.batch, batch.num_graphs)
        torch.nn.functional.cross_entropy(logits, batch.y).backward()
        optimizer.step()
    return (time.process_time() - start) / len(loaded) * len(data.train_dataloader())


def main(count: int) -> None:
    """Print all figures."""
    torch.set_num_threads(1)
    try:
        nci1 = TU("NCI1")
        nci1.setup()
        compare("NCI1", nci1)
    except MissingData as error:
        print(f"NCI1 is left out: {error}")
    made = synthetic(count)
    start = time.process_time()
    data = Graphs(made)
    data.setup()
    print(f"{count} graphs: set-up (collate, check, folds) {time.process_time() - start:.1f} s")
    loading = compare(f"{count} graphs", data, repeats=1)
    training = training_seconds(data)
    share = loading / (loading + training)
    print(f"{count} graphs: loading {loading:.1f} s, training {training:.1f} s, share of loading {share:.1%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
