"""PyG transforms: what is done to a graph before a model sees it."""

from __future__ import annotations

from typing import Any

import torch
from torch_geometric.data import Data
from torch_geometric.transforms import BaseTransform

from gpool.ops.subgraph.node_tuples import label_tuples

__all__ = ["LabelTuples", "LabeledData"]


class LabeledData(Data):
    """Labeled copies of one graph: every node's copy in ``part``, the number of copies in ``num_parts``.

    In a PyG batch the parts of all graphs are numbered on, so that no two graphs share one.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        return self.num_parts if key == "part" else super().__inc__(key, value, *args, **kwargs)


class LabelTuples(BaseTransform):
    r"""Copies a graph once for every ordered tuple of l nodes, which are labeled in that copy.

    From "From Relational Pooling to Subgraph GNNs" (Zhou, Wang, Zhang, 2023, arXiv:2305.04963). A GNN on the
    copies, pooled by :class:`gpool.Nested`, computes

    .. math:: y_G = \mathrm{outer}_{t \in V^l}\ \mathrm{inner}_{i \in V}\
              \mathrm{GNN}\big(G, [x_i \,\|\, \mathrm{onehot}(\text{position of } i \text{ in } t)]\big)

    and tells more graphs apart the larger l is: l = 1 a ring of 6 nodes from two triangles, l = 2 the 4 x 4
    rook's graph from Shrikhande's, neither of which the next smaller l can.

    Args:
        length: l, 1 or 2. The copies of a graph of n nodes have n^2 or n^2 (n - 1) nodes in all.
        samples: tuples drawn for each graph, with replacement; None takes all of them. The mean of a sample
            is an unbiased estimate of the mean of all.
        attr_name: the attribute that gets the labels; None appends them to the features ``x``.
        seed: of the sample, the same for every graph; None draws it from torch's generator.

    Shape:
        a ``Data`` of N nodes and E edges -> :class:`LabeledData` of M copies: ``x`` [M N, C + l] (or
        ``attr_name`` [M N, l]); ``part`` [M N], the copy of every node; ``num_parts``, M. All other
        attributes of nodes and edges are copied, those of the graph are kept.

    A graph of fewer than l nodes has no tuple and becomes empty.

    Raises:
        ValueError: length or samples is out of range; an edge names no node.

    Example:
        >>> from torch_geometric.data import Batch
        >>> from torch_geometric.nn.aggr import MeanAggregation, SumAggregation
        >>> from gpool import Nested
        >>> path = Data(torch.ones(3, 1), torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
        >>> batch = Batch.from_data_list([LabelTuples(length=1)(path)] * 2)
        >>> batch.x[:3].tolist(), batch.part.tolist()
        ([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]], [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5])
        >>> readout = Nested(SumAggregation(), MeanAggregation())
        >>> readout(batch.x, batch.batch, dim_size=2, part=batch.part).tolist()
        [[3.0, 1.0], [3.0, 1.0]]
    """

    def __init__(
        self,
        *,
        length: int = 1,
        samples: int | None = None,
        attr_name: str | None = None,
        seed: int | None = None,
    ) -> None:
        if length not in (1, 2):
            raise ValueError(f"length={length} must be 1 or 2")
        if samples is not None and samples < 1:
            raise ValueError(f"samples={samples} must be at least 1, or None for all tuples")
        self.length, self.samples, self.attr_name, self.seed = length, samples, attr_name, seed

    def forward(self, data: Data) -> LabeledData:
        """The labeled copies of a graph."""
        edge_index, nodes = data.edge_index, data.num_nodes
        batch = torch.zeros(nodes, dtype=torch.long, device=edge_index.device)
        seed = int(torch.randint(2**31, ())) if self.seed is None else self.seed
        copies = label_tuples(edge_index, batch, 1, self.length, self.samples, seed)
        out = LabeledData()
        for key, value in data:
            if data.is_node_attr(key):
                out[key] = value[copies.node]
            elif data.is_edge_attr(key) and key != "edge_index":
                out[key] = value[copies.edge]
            elif key != "num_nodes":
                out[key] = value
        out.edge_index, out.part, out.num_parts = copies.edge_index, copies.inner, len(copies.outer)
        if self.attr_name is not None:
            out[self.attr_name] = copies.label
            out.num_nodes = len(copies.node)
        elif out.x is None:
            out.x = copies.label
        else:
            x = out.x if out.x.dim() > 1 else out.x.unsqueeze(-1)
            out.x = torch.cat([x, copies.label.to(x.dtype)], dim=-1)
        return out

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(length={self.length}, samples={self.samples})"
