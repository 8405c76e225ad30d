"""Per-graph top-k against a loop, and the exact ceiling against integer arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpool.ops.partition.topk import exact_ratio, keep_count, topk_select


def loop(score: list[float], batch: list[int], count: list[int]) -> list[int]:
    kept = []
    for graph, k in enumerate(count):
        nodes = [i for i, b in enumerate(batch) if b == graph]
        kept += sorted(nodes, key=lambda i: (-score[i], i))[:k]
    return kept


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([-2.5, -1e-30, -0.0, 0.0, 1e-30, 1.0, 7.0]), st.integers(0, 3)), max_size=30
    ),
    st.lists(st.integers(0, 5), min_size=4, max_size=4),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
)
def test_equals_the_loop(rows: list[tuple[float, int]], count: list[int], dtype: torch.dtype) -> None:
    score = torch.tensor([r[0] for r in rows], dtype=dtype)
    batch = torch.tensor([r[1] for r in rows], dtype=torch.long)
    kept = topk_select(score, batch, torch.tensor(count), 4)
    assert kept.tolist() == loop(score.tolist(), batch.tolist(), count)


def test_infinite_scores_are_ordered() -> None:
    score = torch.tensor([0.0, torch.inf, -torch.inf, 3.0])
    kept = topk_select(score, torch.zeros(4, dtype=torch.long), torch.tensor([4]), 1)
    assert kept.tolist() == [1, 3, 0, 2]


def test_ceiling_is_exact() -> None:
    size = torch.arange(0, 400)
    for percent in range(5, 100, 5):
        expected = [ceil(Fraction(percent, 100) * n) for n in range(400)]
        assert keep_count(size, percent / 100).tolist() == expected


def test_third_of_nine_is_three() -> None:
    assert keep_count(torch.tensor([9, 10, 1, 0]), 1 / 3).tolist() == [3, 4, 1, 0]


def test_float_one_keeps_all_and_int_one_keeps_one() -> None:
    size = torch.tensor([5, 0, 1])
    assert keep_count(size, 1.0).tolist() == [5, 0, 1]
    assert keep_count(size, 1).tolist() == [1, 0, 1]
    assert keep_count(size, 3).tolist() == [3, 0, 1]


def test_a_tiny_share_keeps_one() -> None:
    assert keep_count(torch.tensor([7, 1, 0]), 1e-12).tolist() == [1, 1, 0]


@pytest.mark.parametrize("ratio", [0, -1, 0.0, 1.5, -0.2, True, float("nan")])
def test_refuses_a_ratio_out_of_range(ratio: float) -> None:
    with pytest.raises(ValueError, match="ratio"):
        keep_count(torch.tensor([3]), ratio)


def test_an_int32_batch_is_ordered_as_an_int64_one() -> None:
    score, batch, count = torch.randn(60), torch.randint(4, (60,)), torch.tensor([3, 0, 99, 5])
    expected = topk_select(score, batch, count, 4)
    for kind in (torch.int32, torch.int16, torch.uint8):
        assert torch.equal(topk_select(score, batch.to(kind), count, 4), expected)
    assert expected.tolist() == loop(score.tolist(), batch.tolist(), count.tolist())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": torch.tensor([0.0, 0.0, 1.0])}, "batch is torch.float32"),
        ({"batch": torch.tensor([True, False, True])}, "batch is torch.bool"),
        ({"batch": torch.tensor([0, 2, 1])}, r"batch runs from 0 to 2; it must lie in 0 \.\. 1"),
        ({"batch": torch.tensor([0, -1, 1])}, "batch runs from -1 to 1"),
        ({"batch": torch.tensor([0, 1])}, "batch of shape"),
        ({"score": torch.tensor([1, 2, 3])}, "score"),
        ({"score": torch.ones(3, 1)}, "score of shape"),
        ({"count": torch.tensor([1])}, "count of shape"),
        ({"count": torch.tensor([1.0, 1.0])}, "count is torch.float32"),
        ({"batch_size": -1}, "batch_size=-1"),
    ],
)
def test_what_does_not_fit_is_named(change: dict, message: str) -> None:
    right = {
        "score": torch.rand(3),
        "batch": torch.tensor([0, 0, 1]),
        "count": torch.tensor([1, 1]),
        "batch_size": 2,
    }
    assert topk_select(**right).numel() == 2
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        topk_select(**{**right, **change})


def test_an_exact_ratio_is_what_its_decimals_say() -> None:
    assert exact_ratio(0.3) == Fraction(3, 10)
    assert exact_ratio(1 / 3) == Fraction(1, 3)
    assert exact_ratio(7) == 7
    size = torch.tensor([0, 1, 9, 10])
    for ratio in (0.3, 1 / 3, 1.0, 1e-12, 4):
        assert torch.equal(keep_count(size, exact_ratio(ratio)), keep_count(size, ratio))
