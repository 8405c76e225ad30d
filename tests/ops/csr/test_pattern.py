"""Patterns made by hand, and what is given beside them, are looked at before a kernel reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gpool.ops.checks import check_values
from gpool.ops.csr import Pattern, csr_matmul, csr_powers, csr_sample
from gpool.ops.csr.pattern import index_type


def ring() -> Pattern:
    """Three rows, each with one entry, in the next column."""
    rowptr, col = torch.arange(4), torch.tensor([1, 2, 0])
    return Pattern(rowptr, col, torch.tensor([2, 0, 1]), rowptr, torch.tensor([2, 0, 1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rowptr": torch.tensor([0, 1, 0, 3])}, "rowptr falls from 1 to 0; it must rise"),
        ({"rowptr": torch.tensor([0, 1, 2, 4])}, "rowptr goes from 0 to 4; it must rise from 0 to 3"),
        ({"rowptr": torch.tensor([1, 1, 2, 3])}, "rowptr goes from 1 to 3"),
        ({"rowptr": torch.zeros(0, dtype=torch.long)}, "rowptr is empty; it must rise from 0 to 3"),
        ({"col": torch.tensor([1, 2, 100_000])}, r"col holds 100000; ids must be 0 \.\. 2"),
        ({"col": torch.tensor([1, 2, -1])}, "col holds -1"),
        ({"col": torch.tensor([1, 2, 1])}, "order and colptr disagree with col"),
        ({"col": torch.tensor([1, 2, 0], dtype=torch.int32)}, "must be .3. of torch.int64"),
        ({"col": torch.tensor([1.0, 2.0, 0.0])}, "col of shape"),
        ({"order": torch.tensor([2, 0, 3])}, r"order holds 3; ids must be 0 \.\. 2"),
        ({"order": torch.tensor([2, 0, 0])}, "order misses 1; it must name every position once"),
        ({"colptr": torch.tensor([0, 1, 2])}, r"colptr of shape \(3,\)"),
        ({"row": torch.tensor([2, 0, 7])}, "row holds 7"),
        ({"row": torch.tensor([2, 1, 0])}, "row and order disagree with rowptr"),
    ],
)
def test_a_pattern_made_by_hand_is_checked(change: dict[str, Tensor], message: str) -> None:
    value, x = torch.ones(3), torch.ones(3, 2)
    csr_matmul(ring(), value, x)
    bad = replace(ring(), **change)
    for use in (lambda: csr_matmul(bad, value, x), lambda: csr_sample(bad, x, x)):
        with pytest.raises(ValueError, match=message):
            use()
    with check_values(False):
        bad.check()  # nothing is looked at


def test_shapes_are_checked() -> None:
    value, x = torch.ones(3), torch.ones(3, 2)
    for call, message in (
        (lambda: csr_matmul(ring(), torch.ones(2), x), r"value of shape \(2,\) must be \[3\]"),
        (lambda: csr_matmul(ring(), value, torch.ones(2, 2)), r"dense of shape \(2, 2\) must be \[3, C\]"),
        (lambda: csr_sample(ring(), x, torch.ones(3, 1)), "left of width 2 and right of width 1"),
        (lambda: csr_sample(ring(), torch.ones(3), x), r"left of shape \(3,\)"),
        (lambda: csr_powers(ring(), value, x, -1), "steps=-1 must not be negative"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_copies_count_in_int64_where_they_must() -> None:
    one = Pattern(*(torch.zeros(2, dtype=torch.long) for _ in range(5)))
    assert one.copies(3).order.dtype == torch.int32
    assert one.copies(3).order.tolist() == [0, 0, 2, 2, 4, 4]
    assert index_type(2**31 - 1) == torch.int32
    assert index_type(2**31) == torch.int64
