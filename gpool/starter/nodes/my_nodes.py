"""A graph with labeled nodes, and an encoder of your own; fit.yaml and plan.yaml name them."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import SAGEConv
from torch_geometric.utils import to_undirected

GROUPS = ("red", "green", "blue")


def my_nodes(number: int = 300, seed: int = 0) -> Data:
    """People in three groups, who mostly know their own kind. Put your own reader here.

    The graph needs x [N, D], edge_index [2, E] (both directions of an undirected edge) and a label for every
    node in y: a list of strings, a tensor of integers for classes or of floats for a regression. Its parts
    are drawn, unless it has train_mask, val_mask and test_mask.
    """
    random = torch.Generator().manual_seed(seed)
    group = torch.randint(0, len(GROUPS), (number,), generator=random)
    source, target = torch.randint(0, number, (2, 12 * number), generator=random)
    friends = group[source] == group[target]
    known = friends | (torch.rand(source.numel(), generator=random) < 0.1)
    hint = nn.functional.one_hot(group, len(GROUPS)) + torch.randn(number, len(GROUPS), generator=random)
    return Data(
        x=hint,  # [N, 3]: says a little about the group
        edge_index=to_undirected(torch.stack([source, target])[:, known]),
        y=[GROUPS[k] for k in group.tolist()],
    )


class MyEncoder(nn.Module):
    """Two layers of message passing. An encoder returns a list of every layer's node states.

    ``in_channels`` gets the width of the data's features; ``out_channels`` says that of the last layer.
    """

    def __init__(self, in_channels: int, hidden_channels: int = 32) -> None:
        super().__init__()
        self.out_channels = hidden_channels
        self.first = SAGEConv(in_channels, hidden_channels)
        self.second = SAGEConv(hidden_channels, hidden_channels)

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None = None) -> list[Tensor]:
        """Node states after each layer, [N, hidden_channels]."""
        first = self.first(x, edge_index).relu()
        return [first, self.second(first, edge_index).relu()]
