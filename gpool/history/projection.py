"""The projection of a history: one for all layers, or one for each."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from gpool.ops.checks.arguments import check_positive

__all__ = ["projections", "widths_of"]


def widths_of(in_channels: int | Sequence[int] | None, channels: int, shared: bool | None) -> int | list[int]:
    """Width of all layers, or of each."""
    if in_channels is None or isinstance(in_channels, int):
        if shared is False:
            raise ValueError("shared_projection=False needs in_channels to list the width of every layer")
        width = channels if in_channels is None else in_channels
        check_positive(in_channels=width)
        return width
    if not in_channels or (shared and len(set(in_channels)) > 1):
        raise ValueError(
            f"in_channels={list(in_channels)} must list layers, of one width for a shared projection"
        )
    for width in in_channels:
        check_positive(in_channels=width)
    return list(in_channels)


def projections(widths: int | list[int], channels: int, shared: bool | None) -> nn.ModuleList:
    """One projection, or one for each layer."""
    if isinstance(widths, int):
        widths = [widths]
    elif shared or (shared is None and len(set(widths)) == 1):
        widths = widths[:1]
    return nn.ModuleList(nn.Linear(width, channels) for width in widths)
