"""The properties of this package's readouts and poolings, as assertions that any layer can be held to.

A readout maps the nodes of a batch to one row per graph, a pooling a batch of graphs to smaller ones.
:func:`check` and :func:`check_pooling` run all assertions on a layer and return a :class:`Report` of which
failed and why; :func:`assert_readout` and :func:`assert_pooling` raise with that report. A :class:`Subject`
or :class:`PoolingSubject` says how to call the layer, so that layers over several node tensors are served as
well::

    print(gpool.testing.check(Subject(MyAggregation(8), channels=8)))
    gpool.testing.assert_readout(MyAggregation(8), channels=8, size="mean")
    gpool.testing.assert_pooling(MyPooling(8), channels=8)

    def call(layer, inputs, index, dim_size):
        return layer(list(inputs), index, dim_size=dim_size)

    def three_layers(n):
        return tuple(torch.randn(n, 8) for _ in range(3))

    gpool.testing.assert_readout(layer, call=call, sample=three_layers, aggregation=False)

Each assertion on a readout can be called by itself; those on a pooling are in ``gpool.testing.pooling``.
"""

from gpool.testing.pooling import PoolingSubject, assert_pooling, check_pooling
from gpool.testing.readout.check import assert_readout, check
from gpool.testing.readout.numbers import (
    assert_autocast,
    assert_bfloat16,
    assert_extremes,
    assert_gradcheck,
    assert_shows_nan,
)
from gpool.testing.readout.programs import (
    assert_compiles,
    assert_conventions,
    assert_exports,
    assert_pickles,
    assert_repeats,
)
from gpool.testing.readout.rows import (
    assert_batch_independence,
    assert_empty_graph,
    assert_larger_dim_size,
    assert_leading_dimensions,
    assert_node_order,
    assert_one_node,
    assert_ptr,
    assert_relabeling,
    assert_size,
)
from gpool.testing.readout.subject import Subject
from gpool.testing.report import Outcome, Report

__all__ = [
    "Outcome",
    "PoolingSubject",
    "Report",
    "Subject",
    "assert_autocast",
    "assert_batch_independence",
    "assert_bfloat16",
    "assert_compiles",
    "assert_conventions",
    "assert_empty_graph",
    "assert_exports",
    "assert_extremes",
    "assert_gradcheck",
    "assert_larger_dim_size",
    "assert_leading_dimensions",
    "assert_node_order",
    "assert_one_node",
    "assert_pickles",
    "assert_pooling",
    "assert_ptr",
    "assert_readout",
    "assert_relabeling",
    "assert_repeats",
    "assert_shows_nan",
    "assert_size",
    "check",
    "check_pooling",
]
