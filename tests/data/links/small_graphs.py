"""Small graphs, and pairs as a set, for the tests of links."""

from __future__ import annotations

import torch


def keys(pairs: torch.Tensor) -> set[tuple[int, int]]:
    return {(min(p), max(p)) for p in pairs.tolist()}


def ring(nodes: int = 20) -> list[tuple[str, str]]:
    return [(f"n{k:02d}", f"n{(k + 1) % nodes:02d}") for k in range(nodes)] + [
        (f"n{k:02d}", f"n{(k + 3) % nodes:02d}") for k in range(nodes)
    ]


def weighted(pairs: torch.Tensor) -> int:
    return int((pairs * torch.arange(1, pairs.numel() + 1).view(pairs.shape)).sum())
