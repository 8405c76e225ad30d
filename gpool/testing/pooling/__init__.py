"""The properties of a pooling, one assertion each, and all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from gpool.testing.pooling.batches import (
    assert_batch_independence,
    assert_empty_graph,
    assert_no_edges,
    assert_one_node,
    assert_relabeling,
    assert_unsorted_batch,
)
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
from gpool.testing.report import Report, run

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

ASSERTIONS: list[Callable[[PoolingSubject], None]] = [
    assert_record, assert_compose, assert_edge_attributes, assert_relabeling, assert_unsorted_batch,
    assert_batch_independence, assert_empty_graph, assert_one_node, assert_no_edges, assert_extremes,
    assert_bfloat16, assert_autocast, assert_gradcheck, assert_repeats, assert_pickles, assert_compiles,
    assert_exports, assert_conventions,
]  # fmt: skip


def check_pooling(subject: PoolingSubject) -> Report:
    """Runs every assertion on the pooling; a failure, or any error, is reported, not raised."""
    return run(repr(subject.layer), subject, ASSERTIONS)


def assert_pooling(layer: nn.Module, channels: int = 8, **options: Any) -> None:
    """Raises AssertionError with the full report unless the pooling has every property."""
    report = check_pooling(PoolingSubject(layer, channels, **options))
    assert report, str(report)
