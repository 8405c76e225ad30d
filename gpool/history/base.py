"""What every readout over the history of layers shares."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from gpool.ops.checks.arguments import check_type
from gpool.ops.segment import Segments, segment_count

__all__ = ["History", "HistoryReadout", "as_layers", "without_empty"]

History = Sequence[Tensor] | Tensor
"""L tensors [N, C_l], one for each layer, or one tensor [N, L, C]."""


class HistoryReadout(nn.Module):
    """Base class of the readouts that take every layer's node states instead of the last ones.

    A subclass implements ``forward(history, index, dim_size=None)`` and sets ``out_channels``. A
    :class:`gpool.models.GraphModel` hands the whole history to a readout of this class, and the last layer's
    states to any other.
    """

    out_channels: int

    def forward(self, history: History, index: Tensor, dim_size: int | None = None) -> Tensor:
        """Read out L tensors [N, C_l] into [B, out_channels]."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(history, index, dim_size)")

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""


def as_layers(
    history: History, channels: int | Sequence[int], like: Tensor, index: Tensor | None = None
) -> list[Tensor]:
    """The history as a list of L tensors [N, C_l]; widths must be ``channels``, the type that of ``like``."""
    if isinstance(history, Tensor):
        if history.dim() != 3:
            shape = list(history.shape)
            raise ValueError(f"history={shape} must be [nodes, layers, channels] or a list of layers")
        history = history.unbind(1)
    layers = list(history)
    if not layers:
        raise ValueError("history has no layers: at least one is needed")
    widths = [channels] * len(layers) if isinstance(channels, int) else list(channels)
    if len(widths) != len(layers):
        raise ValueError(f"history has {len(layers)} layers, but the readout was built for {len(widths)}")
    if layers[0].dim() != 2:
        raise ValueError(f"history[0]={list(layers[0].shape)} must be [N, {widths[0]}] (nodes, channels)")
    for depth, (x, width) in enumerate(zip(layers, widths, strict=True)):
        if x.dim() != 2 or x.size(0) != layers[0].size(0) or x.size(1) != width:
            expected = [layers[0].size(0), width]
            raise ValueError(f"history[{depth}]={list(x.shape)} must be {expected} (nodes, channels)")
        check_type(f"history[{depth}]", x, like)
    if isinstance(index, Tensor) and index.shape != layers[0].shape[:1]:
        raise ValueError(f"index={list(index.shape)} must be [{layers[0].size(0)}], one graph id per node")
    return layers


def without_empty(rows: Tensor, segments: Segments) -> Tensor:
    """Zeros for graphs that have no nodes: [B, C] -> [B, C]."""
    return rows.masked_fill(segment_count(segments)[:, None] == 0, 0.0)
