"""From signed entries to the positive magnitudes that a norm or a power mean takes."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["ITSELF", "Magnitude"]


class Magnitude(NamedTuple):
    """m(x) >= 0 of an entry x, and its slope.

    ``negative`` says what a negative entry becomes: ``"none"`` (x must not have any), ``"abs"`` (|x|, slope 0
    at 0) or ``"relu"`` (max(x, 0), slope 1 at 0). ``eps_mode``: ``"add"`` (m + eps) or ``"clamp"``
    (max(m, eps), slope 0 below).
    """

    negative: str = "none"
    eps: float = 0.0
    eps_mode: str = "add"

    def check(self) -> None:
        """Raises a ValueError for an unknown option or an eps out of range."""
        if self.negative not in ("none", "abs", "relu"):
            raise ValueError(f"magnitude: negative={self.negative!r} must be 'none', 'abs' or 'relu'")
        if self.eps_mode not in ("add", "clamp"):
            raise ValueError(f"magnitude: eps_mode={self.eps_mode!r} must be 'add' or 'clamp'")
        if not 0 <= self.eps < math.inf:
            raise ValueError(f"magnitude: eps={self.eps} must be finite and not negative")

    @property
    def positive(self) -> bool:
        """Whether eps keeps every quotient of magnitudes below 1e31 within the range of float32."""
        return self.eps >= 1e-7

    def __call__(self, x: Tensor) -> Tensor:
        """m(x), differentiable."""
        m = x.abs() if self.negative == "abs" else x.clamp(min=0) if self.negative == "relu" else x
        return m.clamp(min=self.eps) if self.eps_mode == "clamp" else m + self.eps

    def into(self, x: Tensor, eps: Tensor, out: Tensor, slope: Tensor) -> Tensor | None:
        """m(x) written to ``out``; returns dm/dx, written to ``slope``, or None where it is 1 everywhere.

        ``eps`` is that of self as a tensor of the type of x.
        """
        if self.negative == "abs" and self.eps_mode == "add":
            torch.addcmul(eps, x, torch.sgn(x, out=slope), out=out)
            return slope
        if self.negative == "abs":
            torch.abs(x, out=out)
        elif self.negative == "relu":
            torch.clamp(x, min=0, out=out)
        else:
            out.copy_(x)
        if self.eps_mode == "add":  # comparisons in the type of x: into bool they are several times slower
            out.add_(self.eps)
            return None if self.negative == "none" else torch.ge(x, 0.0, out=slope)
        torch.ge(x if self.negative == "relu" else out, self.eps, out=slope)
        out.clamp_(min=self.eps)
        return slope.mul_(torch.sgn(x)) if self.negative == "abs" else slope


ITSELF = Magnitude()
