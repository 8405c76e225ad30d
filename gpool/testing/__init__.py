"""The properties that every readout of this package has, as assertions that any layer can be held to.

A readout maps the nodes of a batch to one row a graph. :func:`check` runs all assertions on a layer and
returns a :class:`Report` of which failed and why; :func:`assert_readout` raises with that report. Each
assertion can be called by itself on a :class:`Subject`, which says how to call the layer, so that they serve
layers over several node tensors as well::

    print(gpool.testing.check(Subject(MyAggregation(8), channels=8)))
    gpool.testing.assert_readout(MyAggregation(8), channels=8, size="mean")

    def call(layer, inputs, index, dim_size):
        return layer(list(inputs), index, dim_size=dim_size)

    def three_layers(n):
        return tuple(torch.randn(n, 8) for _ in range(3))

    gpool.testing.assert_readout(layer, call=call, sample=three_layers, aggregation=False)
"""

from gpool.testing.numbers import assert_autocast, assert_bfloat16, assert_extremes, assert_gradcheck
from gpool.testing.programs import (
    assert_compiles,
    assert_conventions,
    assert_exports,
    assert_pickles,
    assert_repeats,
)
from gpool.testing.report import Outcome, Report, assert_readout, check
from gpool.testing.rows import (
    assert_batch_independence,
    assert_empty_graph,
    assert_larger_dim_size,
    assert_leading_dimensions,
    assert_node_order,
    assert_one_node,
    assert_ptr,
    assert_relabelling,
    assert_size,
)
from gpool.testing.subject import Subject

__all__ = [
    "Outcome",
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
    "assert_ptr",
    "assert_readout",
    "assert_relabelling",
    "assert_repeats",
    "assert_size",
    "check",
]
