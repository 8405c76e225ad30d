"""Finding many numbers among sorted ones."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["among", "lookup", "marks"]


def lookup(keys: Tensor, query: Tensor) -> Tensor:
    """Position of every query in the sorted keys, -1 for those that are not among them."""
    if keys.numel() == 0:
        return torch.full_like(query, -1)
    at = torch.searchsorted(keys, query).clamp(max=keys.numel() - 1)
    return torch.where(keys[at] == query, at, -1)


def marks(keys: Tensor) -> Tensor:
    """True at the low bits of every key: a table that rules most other numbers out at one look."""
    table = torch.zeros(1 << (16 * keys.numel() + 1).bit_length(), dtype=torch.bool, device=keys.device)
    table[keys & (table.numel() - 1)] = True
    return table


def among(keys: Tensor, query: Tensor, maybe: Tensor) -> tuple[Tensor, Tensor]:
    """Which queries are among the sorted keys, and where each of them stands."""
    likely = maybe[query & (maybe.numel() - 1)].nonzero().squeeze(1)
    at = lookup(keys, query[likely])
    found = at >= 0
    return likely[found], at[found]
