"""Assertions on the record: where nodes and edges went, and the way back."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.pooling.pooled import Pooled
from gpool.testing.pooling.graphs import Graphs
from gpool.testing.pooling.subject import PoolingSubject

__all__ = ["assert_compose", "assert_edge_attributes", "assert_record"]


def assert_record(subject: PoolingSubject) -> None:
    """Clusters are in range, used, and inside one graph; coarse edges join pooled nodes of one graph."""
    for equal in (False, True):
        graphs = subject.graphs(equal=equal)
        _well_formed(graphs, subject.call(subject.copy(), graphs))


def _well_formed(graphs: Graphs, out: Pooled) -> None:
    k, e = out.x.size(0), out.edge_index.size(1)
    assert out.batch_size == graphs.batch_size, f"batch_size {out.batch_size} must stay {graphs.batch_size}"
    assert out.batch.shape == (k,), f"batch {tuple(out.batch.shape)} must name the graph of {k} nodes"
    assert out.edge_attr is None or out.edge_attr.size(0) == e, "edge_attr must have a row for every edge"
    _onto(out.cluster, graphs.x.size(0), k, "cluster")
    _onto(out.edge_cluster, graphs.edge_index.size(1), e, "edge_cluster")
    kept = out.cluster >= 0
    own = out.batch[out.cluster[kept]]
    assert torch.equal(own, graphs.batch[kept]), "a pooled node must lie in the graph of its nodes"
    assert bool(((out.edge_index >= 0) & (out.edge_index < k)).all()), "edges must join pooled nodes"
    kept = out.edge_cluster >= 0
    ends = out.cluster[graphs.edge_index[:, kept]]
    assert torch.equal(out.edge_index[:, out.edge_cluster[kept]], ends), (
        "a pooled edge must join the pooled nodes of its edges' ends"
    )


def _onto(labels: Tensor, size: int, count: int, name: str) -> None:
    assert labels.shape == (size,), f"{name} {tuple(labels.shape)} must be [{size}]"
    used = labels[labels >= 0].unique()
    assert bool((labels >= -1).all()), f"{name} has {int(labels.min())}; only -1 means none"
    assert torch.equal(used, torch.arange(count)), f"{name} must use each of 0 .. {count - 1} and no other"


def assert_compose(subject: PoolingSubject) -> None:
    """Two levels composed lift as one after the other, and are a record of the first level's input."""
    layer, graphs = subject.copy(), subject.graphs()
    one = subject.call(layer, graphs)
    two = subject.call(layer, Graphs(one.x, one.edge_index, one.edge_attr, one.batch, one.batch_size))
    both = one.compose(two)
    _well_formed(graphs, both)
    subject.close(both.lift(two.x), one.lift(two.lift(two.x)), "rows lifted by two levels at once")
    for node in range(one.num_nodes):
        rows = one.lift(one.x)[one.nodes_behind(node)]
        subject.close(rows, one.x[node].expand_as(rows), "rows lifted to the nodes behind a pooled node")
    dropped = one.lift(one.x)[one.cluster < 0]
    assert not bool(dropped.any()), "a dropped node must be lifted to zeros"


def assert_edge_attributes(subject: PoolingSubject) -> None:
    """Weights [E] and features [E, D] are carried, column by column, and go with their edges."""
    layer, graphs = subject.copy(), subject.graphs()
    assert graphs.edge_attr is not None
    weights = graphs.edge_attr
    out = subject.call(layer, graphs)
    e = out.edge_index.size(1)
    assert out.edge_attr is not None, "edge_attr [E] must be carried"
    assert out.edge_attr.shape == (e,), f"weights {tuple(out.edge_attr.shape)} must be [{e}]"
    assert out.edge_attr.dtype == weights.dtype, f"weights of {weights.dtype} became {out.edge_attr.dtype}"
    if subject.edge_features:
        columns = [weights, weights.flip(0), weights.square()]
        wide = subject.call(layer, graphs._replace(edge_attr=torch.stack(columns, dim=1)))
        assert wide.edge_attr is not None, "edge_attr [E, D] must be carried"
        assert wide.edge_attr.shape == (e, 3), f"features {tuple(wide.edge_attr.shape)} must be [{e}, 3]"
        for i, column in enumerate(columns):
            narrow = subject.call(layer, graphs._replace(edge_attr=column)).edge_attr
            assert narrow is not None
            subject.close(wide.edge_attr[:, i], narrow, "a column of edge features")
    kept = (out.edge_cluster >= 0).nonzero().view(-1)
    count = torch.bincount(out.edge_cluster[kept], minlength=e)
    alone = kept[count[out.edge_cluster[kept]] == 1]
    subject.close(out.edge_attr[out.edge_cluster[alone]], weights[alone], "the weight of a single edge")
