"""A graph whose links are predicted, and a scorer of your own; fit.yaml and plan.yaml name them."""

import torch
from torch import Tensor, nn

from gpool.data import LinkGraph


def my_links(number: int = 120, seed: int = 0) -> LinkGraph:
    """Who knows whom in a town of streets. Put your own reader here.

    The links are pairs of ids of any kind: strings, numbers, or a tensor [2, E]. A link counts in both
    directions. ``x`` [N, D] are features of the nodes, in the order of ``nodes``, or None.
    """
    random = torch.Generator().manual_seed(seed)
    people = [f"person {k}" for k in range(number)]
    home = torch.rand(number, 2, generator=random)
    near = torch.cdist(home, home) < 0.13
    pairs = near.triu(diagonal=1).nonzero().tolist()
    return LinkGraph.from_edges([(people[i], people[j]) for i, j in pairs], x=home, nodes=people)


class WeightedDot(nn.Module):
    """Score of a pair of nodes: the sum of w * left * right, with a weight w per channel that is learned.

    A scorer takes the states of both ends, two [B, C], and returns logits [B].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Logits of the pairs, [B]."""
        return (self.weight * left * right).sum(-1)
