"""Positions of true entries against torch's own, and places of an index against a loop."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpool.ops.masks import places, positions


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), max_size=50))
def test_positions(mask: list[bool]) -> None:
    given_ = torch.tensor(mask, dtype=torch.bool)
    assert positions(given_).tolist() == [i for i, true in enumerate(mask) if true]
    assert positions(given_).dtype == torch.long
    assert torch.equal(torch.compile(positions, backend="eager")(given_), positions(given_))


def test_positions_of_a_strided_mask() -> None:
    assert positions(torch.tensor([[True, False], [False, True], [True, True]])[:, 0]).tolist() == [0, 2]


def test_places() -> None:
    assert places(torch.tensor([3, 0]), 5).tolist() == [1, -1, -1, 0, -1]
    assert places(torch.zeros(0, dtype=torch.long), 2).tolist() == [-1, -1]
