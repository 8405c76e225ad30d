"""The record that every pooling returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gpool.ops.masks import positions
from gpool.ops.partition.quotient import lift
from gpool.ops.segment import segment_count

if TYPE_CHECKING:
    from torch_geometric.data import Data
    from torch_geometric.nn.pool.connect import ConnectOutput
    from torch_geometric.nn.pool.select import SelectOutput

__all__ = ["Pooled"]


@dataclass(frozen=True)
class Pooled:
    """A graph made smaller, with the way back to the graph it came from.

    Shape:
        - N nodes and E edges before, K nodes and E' edges after, B graphs. An empty graph of the batch stays
          empty; a graph of one node keeps one node.

    >>> import torch
    >>> from gpool.pooling import Pooled
    >>> first = Pooled(
    ...     x=torch.ones(2, 3), edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=None,
    ...     batch=torch.tensor([0, 0]), batch_size=1, cluster=torch.tensor([0, 0, 1, -1]),
    ...     edge_cluster=torch.tensor([-1, -1, 0, 1]),
    ... )
    >>> first.lift(torch.tensor([[5.0], [7.0]])).flatten()
    tensor([5., 5., 7., 0.])
    >>> first.edges_behind(0)
    tensor([2])
    """

    x: Tensor  #: features of the pooled nodes [K, C]
    edge_index: Tensor  #: [2, E']
    edge_attr: Tensor | None  #: weights [E'] or features [E', D]; None where none came in
    batch: Tensor  #: the graph of every pooled node [K]
    batch_size: int  #: B
    cluster: Tensor  #: the pooled node of every node [N], -1 where it was dropped
    edge_cluster: Tensor  #: the pooled edge that every edge went into [E], -1 where it vanished
    score: Tensor | None = None  #: what the features of every pooled node were multiplied by [K]
    aux_loss: Tensor | None = None  #: a scalar to add to the loss
    inside: Tensor | None = None  #: how many scored edges (both directions) lie within every pooled node [K]

    @property
    def num_nodes(self) -> int:
        """K, the number of nodes after pooling."""
        return self.x.size(0)

    @property
    def cluster_size(self) -> Tensor:
        """How many nodes every pooled node stands for, int64 [K]."""
        kept = self.cluster[self.cluster >= 0]
        return segment_count(kept, dim_size=self.num_nodes)

    def lift(self, z: Tensor) -> Tensor:
        """Every node gets the row of its pooled node, a dropped node zeros: [K, ...] -> [N, ...].

        Raises:
            ValueError: ``z`` does not have one row for every pooled node.
        """
        if z.dim() == 0 or z.size(0) != self.num_nodes:
            raise ValueError(
                f"z of shape {tuple(z.shape)} must have one row for each of the {self.num_nodes} pooled nodes"
            )
        return lift(z, self.cluster)

    def nodes_behind(self, node: int) -> Tensor:
        """The ids of the nodes that became pooled node ``node``."""
        return positions(self.cluster == node)

    def edges_behind(self, edge: int) -> Tensor:
        """The positions, in the edge_index that came in, of the edges that became pooled edge ``edge``."""
        return positions(self.edge_cluster == edge)

    def compose(self, above: Pooled) -> Pooled:
        """This level and the one ``above`` it, which pooled this one's output, as one level.

        Its graph is the upper one's; ``cluster``, ``edge_cluster`` and ``lift`` reach from there down to the
        nodes and edges this level began with. Auxiliary losses add up; ``score`` and ``inside`` are the
        upper one's.

        Raises:
            ValueError: ``above`` did not begin with as many nodes as this level ended with.
        """
        if above.cluster.size(0) != self.num_nodes or above.edge_cluster.size(0) != self.edge_index.size(1):
            raise ValueError(
                f"above pooled a graph of {above.cluster.size(0)} nodes and {above.edge_cluster.size(0)} "
                f"edges; it must have pooled this level's {self.num_nodes} nodes "
                f"and {self.edge_index.size(1)} edges"
            )
        losses = [loss for loss in (self.aux_loss, above.aux_loss) if loss is not None]
        return replace(
            above,
            cluster=_follow(self.cluster, above.cluster),
            edge_cluster=_follow(self.edge_cluster, above.edge_cluster),
            aux_loss=torch.stack(losses).sum() if losses else None,
        )

    def to_data(self) -> Data:
        """The pooled graph as a PyG ``Data``: x, edge_index, edge_attr, batch and num_graphs."""
        from torch_geometric.data import Data

        found = Data(x=self.x, edge_index=self.edge_index, edge_attr=self.edge_attr, batch=self.batch)
        found.num_graphs = self.batch_size  # graphs that are empty at the end have no entry in batch
        return found

    def as_pyg(self) -> tuple[SelectOutput, ConnectOutput]:
        """PyG's own two records: which node went where, and the graph that resulted.

        The ``weight`` of the first is the score of the pooled node at each of its nodes.
        """
        from torch_geometric.nn.pool.connect import ConnectOutput
        from torch_geometric.nn.pool.select import SelectOutput

        node = positions(self.cluster >= 0)
        if node.numel() == self.num_nodes:
            node = torch.empty_like(node).scatter_(
                0, self.cluster[node], node
            )  # in the order of the pooled nodes
        cluster = self.cluster[node]
        weight = None if self.score is None else self.score[cluster]
        select = SelectOutput(node, self.cluster.size(0), cluster, self.num_nodes, weight)
        return select, ConnectOutput(self.edge_index, self.edge_attr, self.batch)


def _follow(lower: Tensor, upper: Tensor) -> Tensor:
    nowhere = upper.new_full((1,), -1)
    return torch.cat([upper, nowhere]).index_select(0, lower.remainder(upper.size(0) + 1))
