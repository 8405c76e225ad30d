"""The finisher of SplitMix64 (Steele, Lea and Flood 2014) on int64 tensors, which wrap around."""

from __future__ import annotations

from torch import Tensor

__all__ = ["mix"]


def mix(x: Tensor) -> Tensor:
    """A well-mixed int64 of every int64."""
    x = (x ^ _shift(x, 30)) * -0x40A7B892E31B1A47
    x = (x ^ _shift(x, 27)) * -0x6B2FB644ECCEEE15
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    """A shift to the right that brings in zeros, not the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
