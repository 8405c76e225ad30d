"""Assertions on batches: what the pooling of a graph may depend on, and graphs that are hardly there."""

from __future__ import annotations

import torch

from gpool.testing.gradients import backward, finite
from gpool.testing.pooling.graphs import Graphs
from gpool.testing.pooling.subject import PoolingSubject

__all__ = [
    "assert_batch_independence",
    "assert_empty_graph",
    "assert_no_edges",
    "assert_one_node",
    "assert_relabeling",
    "assert_unsorted_batch",
]


def assert_relabeling(subject: PoolingSubject) -> None:
    """Nodes of distinct features, in whatever order, are pooled alike."""
    layer, graphs = subject.copy(), subject.graphs()
    node, every = torch.randperm(graphs.x.size(0)), torch.arange(graphs.edge_index.size(1))
    out, moved = subject.call(layer, graphs), subject.call(layer, graphs.ordered(node))
    subject.same(moved, out, node, every, "after relabeling the nodes")


def assert_unsorted_batch(subject: PoolingSubject) -> None:
    """Graphs whose nodes are interleaved are pooled as in a sorted batch, equal nodes included."""
    for equal in (False, True):
        layer, graphs = subject.copy(), subject.graphs(equal=equal)
        node, every = graphs.batch.argsort(stable=True), torch.arange(graphs.edge_index.size(1))
        out, sorted_ = subject.call(layer, graphs), subject.call(layer, graphs.ordered(node))
        subject.same(sorted_, out, node, every, "in a sorted batch")


def assert_batch_independence(subject: PoolingSubject) -> None:
    """A graph is pooled the same alone and in its batch, equal nodes and a loud neighbor included."""
    for equal in (False, True):
        layer, graphs = subject.copy(), subject.graphs(equal=equal)
        loud = torch.where(graphs.batch.eq(2).unsqueeze(-1), graphs.x * 1e3 + 7, graphs.x)
        for given in (graphs, graphs._replace(x=loud)):
            out = subject.call(layer, given)
            for g in range(given.batch_size):
                node = (given.batch == g).nonzero().view(-1)
                edge = (given.batch[given.edge_index[0]] == g).nonzero().view(-1)
                alone = subject.call(layer, given.alone(g))
                subject.same(alone, out, node, edge, f"of graph {g} alone and in its batch")


def assert_empty_graph(subject: PoolingSubject) -> None:
    """An empty graph stays empty; so does a batch without any node, and gradients are finite."""
    layer, graphs = subject.copy(), _learn(subject.graphs())
    out = subject.call(layer, graphs)
    there = torch.bincount(out.batch, minlength=graphs.batch_size) > 0
    before = torch.bincount(graphs.batch, minlength=graphs.batch_size) > 0
    assert torch.equal(there, before), "a graph must be empty exactly where it was empty"
    backward(layer, (graphs.x,), out.x, "a gradient beside an empty graph")
    nothing = subject.call(layer, graphs.ordered(torch.arange(0)))
    assert nothing.x.shape == (0, subject.channels), f"no node became {tuple(nothing.x.shape)}"
    assert nothing.edge_index.shape == (2, 0), "a batch without nodes must have no edges"
    assert nothing.batch_size == graphs.batch_size, "a batch without nodes must keep its batch_size"


def assert_one_node(subject: PoolingSubject) -> None:
    """A graph of one node keeps one node, with finite values and gradients."""
    layer, graphs = subject.copy(), _learn(subject.graphs().alone(5))
    out = subject.call(layer, graphs)
    assert out.num_nodes == 1, f"a graph of one node must keep one, got {out.num_nodes}"
    finite(out.x, "the row of a one-node graph")
    backward(layer, (graphs.x,), out.x, "a gradient of a one-node graph")


def assert_no_edges(subject: PoolingSubject) -> None:
    """Graphs without edges are pooled to graphs without edges, with finite values and gradients."""
    layer, graphs = subject.copy(), _learn(subject.graphs().with_edges(torch.arange(0)))
    out = subject.call(layer, graphs)
    assert out.edge_index.shape == (2, 0), f"no edges became edge_index {tuple(out.edge_index.shape)}"
    assert out.edge_attr is not None, "edge_attr of no edges must be carried"
    assert out.edge_attr.shape == (0,), f"weights of no edges became {tuple(out.edge_attr.shape)}"
    finite(out.x, "rows without edges")
    backward(layer, (graphs.x,), out.x, "a gradient without edges")


def _learn(graphs: Graphs) -> Graphs:
    return graphs._replace(x=graphs.x.clone().requires_grad_())
