"""Sorting against torch, with keys that fit beside their position into 63 bits and keys that do not."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.fx.experimental.proxy_tensor import make_fx

from gpool.ops.sorted_keys import sort_keys, sort_values


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.sampled_from([1, 2, 7, 2**31, 2**50, 2**58, 2**62]), st.integers(0, 2**16))
def test_equals_torch(length: int, bound: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    key = torch.randint(bound, (length,), generator=generator)
    before = key.clone()
    expected = torch.sort(key, stable=True)
    values, order = sort_keys(key, bound)
    assert torch.equal(values, expected.values)
    assert torch.equal(order, expected.indices)
    assert torch.equal(sort_values(key), expected.values)
    assert torch.equal(key, before)


@pytest.mark.parametrize("bound", [2**55, 2**56, 2**57])
def test_at_the_edge_of_63_bits(bound: int) -> None:
    key = torch.full((100,), bound - 1)  # positions take 7 bits
    key[::2] -= 1
    values, order = sort_keys(key, bound)
    assert torch.equal(values, torch.sort(key).values)
    assert order.tolist() == [*range(0, 100, 2), *range(1, 100, 2)]


def test_no_keys() -> None:
    values, order = sort_keys(torch.empty(0, dtype=torch.long), 0)
    assert values.numel() == order.numel() == sort_values(values).numel() == 0


def test_compiles() -> None:
    key = torch.tensor([3, 1, 2, 1])
    compiled = torch.compile(lambda k: sort_keys(k, 4), fullgraph=True, backend="eager")
    assert [v.tolist() for v in compiled(key)] == [[1, 1, 2, 3], [1, 3, 2, 0]]


def test_inside_a_transform() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        values, order = sort_keys((x > 0).long() + torch.tensor([2, 1, 0]), 4)
        assert sort_values(values).shape == (3,)
        return x[order][0]

    assert torch.func.grad(function)(torch.tensor([1.0, 1.0, 1.0])).tolist() == [0, 0, 1]


def test_a_trace_holds_the_sort() -> None:
    traced = make_fx(lambda k: (*sort_keys(k, 100), sort_values(k)))(torch.tensor([3, 1, 2]))
    assert [v.tolist() for v in traced(torch.tensor([9, 5, 7]))] == [[5, 7, 9], [1, 2, 0], [5, 7, 9]]
