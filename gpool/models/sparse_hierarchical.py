"""The network of "Towards Sparse Hierarchical Graph Classifiers"."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from gpool.models.explain import never_masked
from gpool.ops.checks.arguments import check_positive
from gpool.ops.checks.graphs import check_features, check_graph, filled_batch
from gpool.ops.segment import resolve, segment_count, segment_max, segment_mean, segment_sum
from gpool.pooling import SparseCoarsening

__all__ = ["ClosedMeanConv", "SparseHierarchicalNet"]


class ClosedMeanConv(MessagePassing):
    r"""Mean over a node and its in-neighbors, plus a map of the node by itself.

    From "Towards Sparse Hierarchical Graph Classifiers", Cangea et al. 2018, arXiv:1811.01287:
    :math:`\hat D^{-1} \hat A X \Theta + X \Theta'` with :math:`\hat A = A + I`; the activation is the
    caller's. Self-loops of the input are replaced by the one of A + I, not doubled. The mean is taken on
    whichever side of the product is narrower.

    Args:
        in_channels, out_channels: widths F and F'.
        bias: add one; the paper has none.

    Shape:
        - ``x`` [N, F], ``edge_index`` [2, E] (source, target) -> [N, F']. An isolated node gets
          x Theta + x Theta'.

    >>> import torch
    >>> from gpool.models import ClosedMeanConv
    >>> ClosedMeanConv(3, 5)(torch.ones(2, 3), torch.tensor([[0], [1]])).shape
    torch.Size([2, 5])
    """

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = False) -> None:
        super().__init__(aggr="sum")
        self.in_channels, self.out_channels, self.bias = in_channels, out_channels, bias
        self.around = nn.Linear(in_channels, out_channels, bias=False)
        self.own = nn.Linear(in_channels, out_channels, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot weights, zero bias."""
        nn.init.xavier_uniform_(self.around.weight)
        nn.init.xavier_uniform_(self.own.weight)
        if self.own.bias is not None:
            nn.init.zeros_(self.own.bias)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Node states after the convolution, [N, F']."""
        if self.in_channels < self.out_channels:
            return self.around(self._closed_mean(x, edge_index)) + self.own(x)
        return self._closed_mean(self.around(x), edge_index) + self.own(x)

    def message(self, x_j: Tensor) -> Tensor:
        """A neighbor's state, which an explainer may weigh."""
        return x_j

    def _closed_mean(self, x: Tensor, edge_index: Tensor) -> Tensor:
        source, target = edge_index[0], edge_index[1]
        segments = resolve(target, None, x.size(0), source.numel())
        if self.explain:
            total = self.propagate(edge_index, x=x)
        else:
            total = segment_sum(x.index_select(0, source), segments)
        degree = segment_count(segments)
        loops = segment_sum((source == target).long(), segments)
        count = (degree - loops + 1).to(x.dtype).unsqueeze(-1)
        return (total + (1 - loops).to(x.dtype).unsqueeze(-1) * x) / count


class SparseHierarchicalNet(nn.Module):
    r"""Convolve, keep the best nodes, read out; the levels' readouts are added and classified.

    From "Towards Sparse Hierarchical Graph Classifiers", Cangea et al. 2018, arXiv:1811.01287:

    .. math:: X_l = \mathrm{pool}(\mathrm{relu}(\mathrm{conv}(X_{l-1}))), \quad
              s_l = \big[\mathrm{mean}_i x_i \,\|\, \max_i x_i\big], \quad
              \hat y = \mathrm{MLP}\big(\sum_l s_l\big)

    Args:
        in_channels: width of the node features.
        hidden_channels: F, of every level.
        out_channels: classes or tasks.
        num_levels: how often the graph is pooled, at least once.
        ratio: of every pooling, see :class:`gpool.SparseCoarsening`.
        dropout: in the head.
        embed: put one linear layer with a ReLU before the first convolution.
        bias: give the convolutions a bias; the paper has none.

    Shape:
        - ``x`` [N, in_channels], ``edge_index`` [2, E], ``batch`` [N] -> [B, out_channels]. ``edge_attr`` is
          accepted and not read by these convolutions. An empty graph reads zeros at every level; a graph of
          one node keeps it.

    Raises:
        ValueError: ``num_levels`` is below 1 or ``ratio`` out of range.

    >>> import torch
    >>> from gpool.models import SparseHierarchicalNet
    >>> net = SparseHierarchicalNet(3, hidden_channels=8, out_channels=2)
    >>> net(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]]), batch=torch.tensor([0, 0, 1, 1])).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 128,
        out_channels: int = 2,
        *,
        num_levels: int = 3,
        ratio: float | int = 0.8,
        dropout: float = 0.0,
        embed: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.in_channels, self.hidden_channels, self.out_channels = in_channels, hidden_channels, out_channels
        self.num_levels, self.ratio, self.dropout, self.bias = num_levels, ratio, dropout, bias
        check_positive(num_levels=num_levels)
        self.embed = nn.Linear(in_channels, hidden_channels) if embed else None
        widths = [hidden_channels if embed else in_channels, *[hidden_channels] * (num_levels - 1)]
        self.convs = nn.ModuleList(ClosedMeanConv(width, hidden_channels, bias=bias) for width in widths)
        for conv in self.convs[1:]:
            never_masked(conv)
        self.pools = nn.ModuleList(SparseCoarsening(hidden_channels, ratio=ratio) for _ in widths)
        self.head = nn.Sequential(
            nn.Linear(2 * hidden_channels, hidden_channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_channels, out_channels),
        )

    def read(self, x: Tensor, edge_index: Tensor, batch: Tensor, batch_size: int) -> Tensor:
        """The sum of the levels' readouts, [B, 2 F]."""
        if self.embed is not None:
            x = self.embed(x).relu()
        total: Tensor | None = None
        for conv, pool in zip(self.convs, self.pools, strict=True):
            level = pool(conv(x, edge_index).relu(), edge_index, None, batch, batch_size)
            x, edge_index, batch = level.x, level.edge_index, level.batch
            mean = segment_mean(x, batch, dim_size=batch_size)
            both = torch.cat([mean, segment_max(x, batch, dim_size=batch_size)], dim=-1)
            total = both if total is None else total + both
        assert total is not None
        return total

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Predictions [B, out_channels]; all nodes are one graph where ``batch`` is None."""
        first = cast("ClosedMeanConv", self.convs[0]).around if self.embed is None else self.embed
        check_features(x, first.in_features, first.weight)
        check_graph(x, edge_index, edge_attr, batch, batch_size)
        batch, batch_size = filled_batch(x, batch, batch_size)
        return torch.as_tensor(self.head(self.read(x, edge_index, batch, batch_size)))
