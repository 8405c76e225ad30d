"""Scores by the queries of a segment: by matrix products where entries are in order, by gathers elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gpool.ops.segment import Segments, segment_score, segment_weighted_sum
from gpool.ops.segment.attend import read_by_products

SIZES = torch.tensor([40, 0, 1, 90, 30])
INDEX = torch.repeat_interleave(SIZES)


def drawn() -> tuple[Tensor, Tensor]:
    query, key = torch.randn(5, 6, 3, dtype=torch.float64), torch.randn(161, 3, dtype=torch.float64)
    return query.requires_grad_(), key.requires_grad_()


def test_equal_the_loop_in_value_and_gradient() -> None:
    query, key = drawn()
    assert read_by_products(Segments(INDEX, 5), 6)
    perm = torch.randperm(161)
    assert not read_by_products(Segments(INDEX[perm], 5), 6)
    expected = torch.stack([query[g] @ k for g, k in zip(INDEX.tolist(), key, strict=True)])
    in_order, shuffled = (
        segment_score(query, key, INDEX, dim_size=5),
        segment_score(query, key[perm], INDEX[perm]),
    )
    torch.testing.assert_close(in_order, expected, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(shuffled, expected[perm], rtol=1e-12, atol=1e-13)
    weight = torch.randn_like(expected)
    found = torch.autograd.grad((in_order * weight).sum(), (query, key))
    torch.testing.assert_close(found, torch.autograd.grad((expected * weight).sum(), (query, key)))


@pytest.mark.parametrize("size", [1, 4])
def test_first_and_second_derivatives(size: int) -> None:
    query = torch.randn(size, 40, 2, dtype=torch.float64, requires_grad=True)
    key, index = torch.randn(16, 2, dtype=torch.float64, requires_grad=True), torch.arange(16) // (16 // size)
    assert read_by_products(Segments(index, size), 40)
    call = (lambda q, k: segment_score(q, k, index, dim_size=size), (query, key))
    assert torch.autograd.gradcheck(*call)
    assert torch.autograd.gradgradcheck(*call)


def test_weighted_sums_equal_the_loop_and_name_what_is_wrong() -> None:
    weight, value = torch.randn(161, 6, dtype=torch.float64), torch.randn(161, 4, dtype=torch.float64)
    expected = torch.stack([weight[g == INDEX].t() @ value[g == INDEX] for g in range(5)])
    perm = torch.randperm(161)
    torch.testing.assert_close(segment_weighted_sum(weight, value, INDEX, dim_size=5), expected)
    shuffled = segment_weighted_sum(weight[perm], value[perm], INDEX[perm], dim_size=5)
    torch.testing.assert_close(shuffled, expected)
    by_head = segment_weighted_sum(weight.view(161, 3, 2), value, INDEX, dim_size=5)  # 2 heads of 2 columns
    parts = [
        segment_weighted_sum(weight[:, h::2], value[:, 2 * h : 2 * h + 2], INDEX, dim_size=5) for h in (0, 1)
    ]
    torch.testing.assert_close(by_head, torch.cat(parts, dim=-1))
    with pytest.raises(ValueError, match=r"weight \(160, 6\) and value \(161, 4\) must be"):
        segment_weighted_sum(weight[:-1], value, INDEX, dim_size=5)
