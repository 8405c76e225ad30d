"""Similar pairs against a loop over all pairs, and the size of what is held."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import gpool.ops.similar_pairs
from gpool.ops.similar_pairs import similar_pairs

INDEX = torch.tensor([2, 0, 2, 4, 0, 2, 4, 4, 0, 2, 5])  # unsorted; 1 and 3 are empty, 5 has one row


def pairs(edge_index: Tensor) -> list[tuple[int, int]]:
    return sorted(map(tuple, edge_index.t().tolist()))


def loop(x: Tensor, index: Tensor, above: float) -> list[tuple[int, int]]:
    found = []
    for i in range(len(x)):
        for j in range(len(x)):
            length = float(x[i].norm() * x[j].norm())
            cosine = float(x[i] @ x[j]) / length if length > 0 else 0.0
            if i != j and index[i] == index[j] and cosine > above:
                found.append((i, j))
    return found


@pytest.mark.parametrize("above", [-1.0, -0.2, 0.0, 0.3, 0.8])
@pytest.mark.parametrize("at_once", [1 << 21, 300])
def test_equals_the_loop(above: float, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpool.ops.similar_pairs, "AT_ONCE", at_once)
    for index, size in ((INDEX, 6), (torch.randint(4, (60,)), 4), (torch.zeros(150, dtype=torch.long), 1)):
        x = torch.randn(len(index), 3, dtype=torch.float64)
        x[1] = 0.0
        found = similar_pairs(x, index, dim_size=size, above=above)
        assert pairs(found) == loop(x, index, above)
        assert found.size(1) > 0


def test_positive_scales_do_not_matter() -> None:
    x, index = torch.randn(200, 4), torch.arange(200) % 3
    scale = 10 ** torch.empty(200, 1).uniform_(-25, 15)
    found = (similar_pairs(v, index, dim_size=3, above=0.5) for v in (x, x * scale))
    assert torch.equal(*found)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equality_with_the_threshold_is_no_pair_in_any_batch(dtype: torch.dtype) -> None:
    """One-hot sums have cosines of exactly 1/2, 1 / sqrt 2 ..., which rounding would put on either side."""
    x = torch.tensor([[1.0, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0], [3, 3, 0, 0]], dtype=dtype)
    many, index = x.repeat(50, 1), torch.arange(50).repeat_interleave(4)
    assert pairs(similar_pairs(x, above=0.5)) == [(0, 2), (0, 3), (2, 0), (2, 3), (3, 0), (3, 2)]
    assert pairs(similar_pairs(x, above=0.5**0.5)) == [(0, 3), (3, 0)]
    assert similar_pairs(x, above=1.0).size(1) == 0
    alone = similar_pairs(x, above=0.5)
    together = similar_pairs(many, index, dim_size=50, above=0.5)
    assert pairs(together) == sorted((i + 4 * g, j + 4 * g) for g in range(50) for i, j in pairs(alone))


class Largest(TorchDispatchMode):
    """The entries of the largest tensor that an operation made."""

    entries = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for v in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(v, Tensor):
                self.entries = max(self.entries, v.numel())
        return out


def test_never_holds_all_similarities() -> None:
    x = torch.randn(5000, 2)
    with Largest() as largest:
        similar_pairs(x, above=0.999999)
    assert largest.entries <= gpool.ops.similar_pairs.AT_ONCE < 5000**2 / 10


def test_no_gradient_no_rows_ptr_and_errors() -> None:
    x = torch.randn(11, 3, requires_grad=True)
    found = similar_pairs(x, INDEX, dim_size=6, above=0.2)
    assert not found.requires_grad
    assert similar_pairs(x[:0], INDEX[:0], dim_size=2, above=0.2).shape == (2, 0)
    ptr = torch.tensor([0, 4, 4, 11])
    by_index = similar_pairs(x, torch.tensor([0] * 4 + [2] * 7), dim_size=3, above=0.2)
    assert torch.equal(similar_pairs(x, ptr=ptr, above=0.2), by_index)
    with pytest.raises(IndexError, match="index runs from 0 to 5"):
        similar_pairs(x, INDEX, dim_size=5, above=0.2)
    with pytest.raises(ValueError, match=r"x of shape \(11,\) must be \[N, C\]"):
        similar_pairs(torch.randn(11), INDEX, dim_size=6, above=0.2)
    with pytest.raises(TypeError, match=r"x is torch.int64"):
        similar_pairs(torch.ones(11, 2, dtype=torch.long), INDEX, dim_size=6, above=0.2)
