"""Graph convolutions on enclosing subgraphs by sparse products."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpool.ops.checks.arguments import check_dropout
from gpool.ops.csr import csr_matmul
from gpool.ops.dropout import dropout as dropped
from gpool.ops.precision import widened
from gpool.ops.subgraph.record import EnclosingSubgraphs

__all__ = ["SubgraphEncoder", "SubgraphGCN"]


class SubgraphGCN(nn.Module):
    """A graph convolution of Kipf and Welling (arXiv:1609.02907) on enclosing subgraphs, by a sparse product.

        x_v' = b + sum over edges u -> v and u = v of  W x_u / sqrt(d_u d_v),   d = 1 + edges that end there

    Equal to ``torch_geometric.nn.GCNConv`` on ``subgraphs.edge_index``, target link included; it keeps no [E,
    C] tensor.

    Shape:
        - **x** [N, in_channels] -> [N, out_channels]. A node without an edge keeps W x + b.

    >>> import torch
    >>> edges = torch.tensor([[0, 1], [1, 0]])
    >>> pair = EnclosingSubgraphs.from_edges(edges, torch.tensor([True, True]))
    >>> SubgraphGCN(3, 5)(torch.rand(2, 3), pair).shape
    torch.Size([2, 5])
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels, bias=False)
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot weights, zero bias."""
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, subgraphs: EnclosingSubgraphs) -> Tensor:
        """Node states after the convolution, [N, out_channels]."""
        pattern, wide = subgraphs.pattern(1), widened(self.linear(x))
        scale = (subgraphs.rowptr.diff() + 1).to(wide.dtype).rsqrt().unsqueeze(-1)  # [N, 1]
        wide = wide * scale
        ones = wide.new_ones(subgraphs.num_edges)
        return ((csr_matmul(pattern, ones, wide) + wide) * scale + self.bias).to(x.dtype)


class SubgraphEncoder(nn.Module):
    """Two graph convolutions on enclosing subgraphs: h1 = GCN(x), h2 = GCN(dropout(relu(h1))).

    An encoder of :class:`gpool.models.LinkModel` that reads the record of the subgraphs, target link
    included, in place of an edge list.

    Shape:
        - **x** [N, in_channels] -> the list of h1 and h2, [N, hidden_channels] each.
    """

    def __init__(self, in_channels: int, hidden_channels: int = 32, *, dropout: float = 0.5) -> None:
        super().__init__()
        check_dropout(dropout)
        self.in_channels, self.hidden_channels, self.dropout = in_channels, hidden_channels, dropout
        self.out_channels = hidden_channels
        self.first = SubgraphGCN(in_channels, hidden_channels)
        self.second = SubgraphGCN(hidden_channels, hidden_channels)

    def forward(self, x: Tensor, subgraphs: EnclosingSubgraphs) -> list[Tensor]:
        """Node states after each convolution."""
        h1 = self.first(x, subgraphs)
        return [h1, self.second(dropped(h1.relu(), self.dropout, self.training), subgraphs)]
