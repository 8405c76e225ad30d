"""Every pooling has every property of gpool.testing."""

from __future__ import annotations

import pytest

import gpool
from gpool.testing import assert_pooling

C = 8


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (gpool.GraphParsing(C), {}),
        (gpool.GraphParsing(C, self_loops=True, set_layers=2, plain_last=False), {}),
        (gpool.GraphParsing(C, weighted=True, gate="mean"), {"edge_features": False}),
        (gpool.GraphParsing(C, ties="merge", gate="none", reduce="max"), {}),
        (gpool.EdgeContraction(C), {}),
        (gpool.EdgeContraction(C, score="tanh", reduce="mean"), {}),
        (gpool.EdgeContraction(C, merge="components", contract=0.3), {}),
        (gpool.SparseCoarsening(C, ratio=0.6), {}),
        (gpool.SparseCoarsening(C, ratio=2), {}),
        (gpool.SparseCoarsening(C, ratio=0.6, select="budget"), {}),
        (gpool.SparseCoarsening(C, ratio=2, select="budget"), {}),
    ],
    ids=repr,
)
def test_holds_to_the_contract(layer: gpool.pooling.Pooling, options: dict[str, bool]) -> None:
    assert_pooling(layer, C, **options)
