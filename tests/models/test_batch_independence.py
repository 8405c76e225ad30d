"""A graph's prediction does not depend on the graphs beside it, equal nodes and equal graphs included."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from random_graphs import both_ways
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import MeanAggregation

import gpool
from gpool.models import Encoder, GraphModel, GraphParsingNetwork, SparseHierarchicalNet
from gpool.pooling import Pooling

C = 64


def regular(n: int, steps: tuple[int, ...]) -> Data:
    """A circulant graph: all nodes are equal, and so are many edges."""
    pairs = sorted({tuple(sorted((i, (i + s) % n))) for i in range(n) for s in steps})
    return Data(x=torch.ones(n, 3), edge_index=both_ways([p for p in pairs if p[0] != p[1]]))


def complete(n: int, leaves: int) -> Data:
    """A clique whose node 0 has some leaves, as in the ego networks of actors."""
    pairs = [(i, j) for i in range(n) for j in range(i)] + [(0, n + k) for k in range(leaves)]
    return Data(x=torch.ones(n + leaves, 3), edge_index=both_ways(pairs))


GRAPHS = [
    *(regular(n, (1,)) for n in range(3, 23)),
    *(regular(n, (1, 2)) for n in range(5, 25)),
    *(complete(n, k) for n in (3, 5, 8, 13) for k in (0, 1, 2, 5)),
]


def pooled(make: Callable[[], Pooling]) -> Callable[[], nn.Module]:
    return lambda: GraphModel(
        Encoder(3, hidden_channels=C, num_layers=2, norm="layer"),
        MeanAggregation(),
        out_channels=2,
        pooling=[make(), make()],
    )


MODELS: dict[str, Callable[[], nn.Module]] = {
    "parsing": pooled(lambda: gpool.GraphParsing(C)),
    "merge": pooled(lambda: gpool.GraphParsing(C, ties="merge")),
    "self_loops": pooled(lambda: gpool.GraphParsing(C, self_loops=True)),
    "sparse": pooled(lambda: gpool.SparseCoarsening(C, ratio=0.5)),
    "matching": pooled(lambda: gpool.EdgeContraction(C)),
    "tanh": pooled(lambda: gpool.EdgeContraction(C, score="tanh")),
    "threshold": pooled(lambda: gpool.EdgeContraction(C, threshold=0.75)),
    "components": pooled(lambda: gpool.EdgeContraction(C, merge="components", contract=0.4)),
    "parsing network": lambda: GraphParsingNetwork(3, hidden_channels=128, out_channels=2),
    "sparse network": lambda: SparseHierarchicalNet(3, hidden_channels=128, out_channels=2),
}


@torch.no_grad()
def outputs(model: nn.Module, graphs: list[Data]) -> Tensor:
    batch = Batch.from_data_list(graphs)
    return model(batch.x, batch.edge_index, None, batch.batch, batch.num_graphs)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", [0, 1])
def test_alone_and_in_any_batch(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    model = MODELS[name]().eval()
    alone = torch.cat([outputs(model, [graph]) for graph in GRAPHS])
    for size in (7, len(GRAPHS)):
        for part in torch.randperm(len(GRAPHS)).split(size):
            together = outputs(model, [GRAPHS[i] for i in part.tolist()])
            torch.testing.assert_close(together, alone[part], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("ties", ["lowest_id", "merge"])
@pytest.mark.parametrize("channels", [16, 64, 128])
def test_equal_nodes_stay_equal_at_every_place(ties: str, channels: int) -> None:
    parse = gpool.GraphParsing(channels, ties=ties)  # type: ignore[arg-type]
    ring, row = regular(7, (1,)).edge_index, torch.randn(1, channels)
    clusters = parse(row.expand(7, -1), ring).cluster
    for copies in (2, 5, 40):
        edges = torch.cat([ring + 7 * k for k in range(copies)], dim=1)
        batch = torch.arange(copies).repeat_interleave(7)
        out = parse(row.expand(7 * copies, -1), edges, None, batch, copies).cluster.view(copies, 7)
        assert all(torch.equal(part - part.min(), clusters) for part in out)
    if ties == "merge":
        assert int(clusters.max()) == 0  # all edges tie


@pytest.mark.parametrize("channels", [16, 64, 128])
def test_equal_rows_are_selected_by_id(channels: int) -> None:
    pool, row = gpool.SparseCoarsening(channels, ratio=3), torch.randn(1, channels)
    for count in range(7, 60):
        batch = torch.arange(count).div(7, rounding_mode="floor")
        kept = pool(row.expand(count, -1), batch.new_zeros(2, 0), None, batch).cluster >= 0
        assert torch.equal(kept, torch.arange(count) % 7 < 3)
