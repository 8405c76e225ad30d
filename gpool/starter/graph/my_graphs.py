"""Graphs and a readout of your own; fit.yaml and plan.yaml name them by import path.

``python my_graphs.py`` holds the readout to the properties that every readout of gpool has.
"""

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.aggr import Aggregation
from torch_geometric.utils import to_undirected


def my_graphs(number: int = 300, seed: int = 0) -> list[Data]:
    """Molecule-like graphs, labeled "ring" or "chain". Put your own reader here.

    A graph needs x [N, D], edge_index [2, E] (both directions of an undirected edge) and a label y: a string
    or an integer for a class, a float for a regression, a tensor [1, T] for several labels.
    """
    random = torch.Generator().manual_seed(seed)
    return [one_graph(random, closed=k % 2 == 0) for k in range(number)]


def new_graphs(number: int = 20, seed: int = 1) -> list[Data]:
    """Graphs to predict: like those above, but nobody knows their labels."""
    graphs = my_graphs(number, seed)
    for k, graph in enumerate(graphs):
        del graph.y
        graph.id = f"molecule {k}"  # stands in predictions.csv
    return graphs


def one_graph(random: torch.Generator, closed: bool) -> Data:
    """A chain of atoms, its ends joined if it is to be closed, and some atoms hanging from it."""
    length = int(torch.randint(5, 12, (), generator=random))
    hanging = int(torch.randint(0, 6, (), generator=random))
    atom = torch.arange(length)
    chain = torch.stack([atom[:-1], atom[1:]])
    ends = torch.tensor([[length - 1], [0]]) if closed else torch.empty(2, 0, dtype=torch.long)
    where = torch.randint(0, length, (hanging,), generator=random)
    others = torch.stack([where, length + torch.arange(hanging)])
    element = torch.randint(0, 4, (length + hanging,), generator=random)  # 4 elements, as whole numbers
    charge = torch.randn(length + hanging, 1, generator=random)  # and a real number
    return Data(
        x=torch.cat([nn.functional.one_hot(element, 4), charge], dim=1),  # [N, 5]
        edge_index=to_undirected(torch.cat([chain, ends, others], dim=1)),
        y="ring" if closed else "chain",
    )


class GatedMean(Aggregation):
    """Mean of the nodes of every graph, each times a gate that is learned: sigmoid(w x + b) x.

    Any Aggregation of PyG is a readout. An argument named ``channels`` gets the width of the encoder.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels  # the width of a graph's row
        self.gate = nn.Linear(channels, 1)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.gate.reset_parameters()

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """Nodes x [N, C] and the graph of each, index [N], to one row per graph [dim_size, C]."""
        return self.reduce(self.gate(x).sigmoid() * x, index, ptr, dim_size, dim, reduce="mean")


if __name__ == "__main__":
    from gpool.testing import Subject, check

    print(check(Subject(GatedMean(8), channels=8)))
