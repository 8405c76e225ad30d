"""Every pooling in a model as one graph of torch.compile, in two compilations for all sizes, and exported."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch_geometric.nn import MeanAggregation

import gpool
from gpool.models import Encoder, GraphModel
from gpool.pooling import Pooling

MAKE: dict[str, Callable[[], Pooling]] = {
    "parsing": lambda: gpool.GraphParsing(8),
    "self_loops": lambda: gpool.GraphParsing(8, self_loops=True),
    "weighted": lambda: gpool.GraphParsing(8, stop="batch", weighted=True),
    "merge": lambda: gpool.GraphParsing(8, ties="merge"),
    "matching": lambda: gpool.EdgeContraction(8),
    "components": lambda: gpool.EdgeContraction(8, merge="components"),
    "sparse": lambda: gpool.SparseCoarsening(8, ratio=3),
}


def graph(n: int, graphs: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    batch = torch.randint(graphs, (n,), generator=g).sort().values
    e = torch.randint(n, (2, 3 * n), generator=g)
    e = e[:, (batch[e[0]] == batch[e[1]]) & (e[0] != e[1])]
    return torch.randn(n, 8, generator=g), torch.cat([e, e.flip(0)], dim=1), batch


def model(name: str) -> GraphModel:
    pooling = [MAKE[name](), MAKE[name]()]
    return GraphModel(
        Encoder(8, hidden_channels=8, num_layers=1), MeanAggregation(), out_channels=2, pooling=pooling
    ).eval()


@pytest.mark.parametrize("name", MAKE)
def test_one_graph_and_two_compilations_with_the_same_gradients(name: str) -> None:
    net = model(name)
    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(net, backend=counter, fullgraph=True)
    for k, n in enumerate([40, 57, 63, 120, 200]):
        x, edge_index, batch = graph(n, 5 + k, k)
        found, expected = (f(x, edge_index, None, batch, 5 + k) for f in (compiled, net))
        torch.testing.assert_close(found, expected)
        learned = [p for p in net.parameters() if p.requires_grad]
        grads = (torch.autograd.grad(y.square().sum(), learned, allow_unused=True) for y in (found, expected))
        torch.testing.assert_close(*grads)
    assert counter.frame_count <= 2


class Fixed(nn.Module):
    """A model with its number of graphs, which an exported program wants as a constant."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        return self.net(x, edge_index, None, batch, 6)


@pytest.mark.parametrize("name", MAKE)
def test_exported_for_any_number_of_nodes_and_edges(name: str) -> None:
    net = Fixed(model(name))
    any_size = torch.export.Dim.DYNAMIC
    shapes = ({0: any_size}, {1: any_size}, {0: any_size})
    program = torch.export.export(net, graph(60, 6, 0), dynamic_shapes=shapes, strict=False).module()
    for n, seed in ((60, 0), (99, 1), (31, 2)):
        torch.testing.assert_close(program(*graph(n, 6, seed)), net(*graph(n, 6, seed)))
