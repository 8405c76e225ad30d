"""The properties of a pooling."""

from gpool.testing.pooling.batches import (
    assert_batch_independence,
    assert_empty_graph,
    assert_no_edges,
    assert_one_node,
    assert_relabeling,
    assert_unsorted_batch,
)
from gpool.testing.pooling.check import assert_pooling, check_pooling
from gpool.testing.pooling.graphs import Graphs
from gpool.testing.pooling.numbers import assert_autocast, assert_bfloat16, assert_extremes, assert_gradcheck
from gpool.testing.pooling.programs import (
    assert_compiles,
    assert_conventions,
    assert_exports,
    assert_pickles,
    assert_repeats,
)
from gpool.testing.pooling.records import assert_compose, assert_edge_attributes, assert_record
from gpool.testing.pooling.subject import PoolingSubject

__all__ = [
    "Graphs",
    "PoolingSubject",
    "assert_autocast",
    "assert_batch_independence",
    "assert_bfloat16",
    "assert_compiles",
    "assert_compose",
    "assert_conventions",
    "assert_edge_attributes",
    "assert_empty_graph",
    "assert_exports",
    "assert_extremes",
    "assert_gradcheck",
    "assert_no_edges",
    "assert_one_node",
    "assert_pickles",
    "assert_pooling",
    "assert_record",
    "assert_relabeling",
    "assert_repeats",
    "assert_unsorted_batch",
    "check_pooling",
]
