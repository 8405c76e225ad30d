"""Assertions on rows: what a readout may depend on, and what it says of empty, single and repeated nodes."""

from __future__ import annotations

import torch

from gpool.testing.gradients import backward, finite
from gpool.testing.readout.subject import GRAPHS, SIZE, Subject

__all__ = [
    "assert_batch_independence",
    "assert_empty_graph",
    "assert_larger_dim_size",
    "assert_leading_dimensions",
    "assert_node_order",
    "assert_one_node",
    "assert_ptr",
    "assert_relabeling",
    "assert_size",
]


def assert_node_order(subject: Subject) -> None:
    """The nodes of a batch, in whatever order and interleaving of graphs, give the same rows."""
    layer, inputs = subject.copy(), subject.inputs(len(GRAPHS))
    y = subject.call(layer, inputs, GRAPHS, SIZE)
    for perm in (torch.argsort(GRAPHS, stable=True), torch.randperm(len(GRAPHS))):
        again = subject.call(layer, tuple(v[perm] for v in inputs), GRAPHS[perm], SIZE)
        subject.close(again, y, "rows after a permutation of the nodes")


def assert_batch_independence(subject: Subject) -> None:
    """A graph's row is the same alone, and whatever the other graphs of its batch hold."""
    layer, inputs = subject.copy(), subject.inputs(len(GRAPHS))
    y = subject.call(layer, inputs, GRAPHS, SIZE)
    for g in range(SIZE):
        own = g == GRAPHS
        alone = subject.call(layer, tuple(v[own] for v in inputs), GRAPHS[own] * 0, 1)
        subject.close(alone[0], y[g], f"row of graph {g} alone and in its batch")
    other = GRAPHS == 2
    loud = tuple(torch.where(other.view(-1, *[1] * (v.dim() - 1)), v * 1e3 + 7, v) for v in inputs)
    keep = torch.arange(SIZE) != 2
    subject.close(subject.call(layer, loud, GRAPHS, SIZE)[keep], y[keep], "rows after another graph changed")
    gone = tuple(torch.where(other.view(-1, *[1] * (v.dim() - 1)), torch.nan, v) for v in inputs)
    subject.close(subject.call(layer, gone, GRAPHS, SIZE)[keep], y[keep], "rows beside a graph of NaN")


def assert_relabeling(subject: Subject) -> None:
    """Graphs in another order give their rows in that order."""
    layer, inputs = subject.copy(), subject.inputs(len(GRAPHS))
    y, perm = subject.call(layer, inputs, GRAPHS, SIZE), torch.randperm(SIZE)
    subject.close(
        subject.call(layer, inputs, perm[GRAPHS], SIZE)[perm], y, "rows after relabeling the graphs"
    )


def assert_empty_graph(subject: Subject) -> None:
    """An empty graph gives its documented row and finite gradients; so does a batch without any node."""
    layer, inputs = subject.copy(), tuple(v.requires_grad_() for v in subject.inputs(len(GRAPHS)))
    y = subject.call(layer, inputs, GRAPHS, SIZE)
    subject.close(y[[1, 3]], torch.full_like(y[[1, 3]], subject.empty), "rows of empty graphs")
    backward(layer, inputs, y, "a gradient beside an empty graph")
    nothing = subject.call(layer, tuple(v[:0] for v in inputs), GRAPHS[:0], 2)
    subject.close(nothing, torch.full_like(y[:2], subject.empty), "rows of a batch without nodes")


def assert_one_node(subject: Subject) -> None:
    """A graph of one node gives finite values and gradients."""
    layer, inputs = subject.copy(), tuple(v.requires_grad_() for v in subject.inputs(1))
    y = subject.call(layer, inputs, GRAPHS[:1] * 0, 1)
    finite(y, "the row of a one-node graph")
    backward(layer, inputs, y, "a gradient of a one-node graph")


def assert_larger_dim_size(subject: Subject) -> None:
    """A ``dim_size`` beyond the index adds rows of empty graphs and changes no other."""
    layer, inputs = subject.copy(), subject.inputs(len(GRAPHS))
    y, more = (subject.call(layer, inputs, GRAPHS, size) for size in (SIZE, SIZE + 3))
    subject.close(more[:SIZE], y, "rows with a larger dim_size")
    subject.close(more[SIZE:], torch.full_like(more[SIZE:], subject.empty), "rows beyond the index")


def assert_ptr(subject: Subject) -> None:
    """``ptr`` alone, without an index, gives the rows that the sorted index gives."""
    layer, index = subject.copy(), GRAPHS.sort().values
    (x,) = subject.inputs(len(GRAPHS))
    ptr = torch.cat([index.new_zeros(1), torch.bincount(index, minlength=SIZE).cumsum(0)])
    subject.close(layer(x, ptr=ptr), layer(x, index, dim_size=SIZE), "rows by ptr and by index")


def assert_leading_dimensions(subject: Subject) -> None:
    """[2, 3, N, C] is pooled as each of its six [N, C]; so is [N, 2, 3, C] along ``dim=0``."""
    layer = subject.copy()
    x = torch.stack([subject.inputs(len(GRAPHS))[0] for _ in range(6)])
    y = torch.stack([layer(v, GRAPHS, dim_size=SIZE) for v in x])
    many = layer(x.view(2, 3, *x.shape[1:]), GRAPHS, dim_size=SIZE)
    subject.close(many, y.view(2, 3, *y.shape[1:]), "rows with leading dimensions")
    first = layer(x.view(2, 3, *x.shape[1:]).movedim(2, 0), GRAPHS, dim_size=SIZE, dim=0)
    subject.close(first.movedim(0, 2), many, "rows along dim=0")


def assert_size(subject: Subject) -> None:
    """Every node k times over changes a row as the subject says it does."""
    layer, inputs, k = subject.copy(), subject.inputs(len(GRAPHS)), 3
    y = subject.call(layer, inputs, GRAPHS, SIZE)
    many = subject.call(layer, tuple(torch.cat([v] * k) for v in inputs), GRAPHS.repeat(k), SIZE)
    known = {"mean": 1.0, "sum": float(k)}
    factor = subject.size(k) if callable(subject.size) else known[str(subject.size)]
    subject.close(many, y * factor, f"rows with every node {k} times")
