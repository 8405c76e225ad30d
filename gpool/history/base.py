"""What every readout over the history has in common."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["HistoryReadout", "as_layers"]


class HistoryReadout(nn.Module):
    r"""All layers' node states -> one vector a graph.

    A model that finds such a readout hands it every layer's states instead of the last one's.

    Shape:
        - ``forward(history, index, dim_size=None)``: L tensors [N, C_l] or one [N, L, C]; [N] -> [B, C].
    """

    out_channels: int

    def forward(
        self, history: Tensor | Sequence[Tensor], index: Tensor, dim_size: int | None = None
    ) -> Tensor:
        raise NotImplementedError


def as_layers(
    history: Tensor | Sequence[Tensor], channels: int | Sequence[int], index: Tensor | None = None
) -> list[Tensor]:
    """The history as a list of L tensors [N, C_l], after its shape has been compared with ``channels``."""
    layers = list(history.unbind(1)) if isinstance(history, Tensor) and history.dim() == 3 else history
    if isinstance(layers, Tensor):
        raise ValueError(
            f"history={list(layers.shape)} must be [nodes, layers, channels] or a list of layers"
        )
    layers = list(layers)
    if not layers:
        raise ValueError("history has no layers: at least one is needed")
    widths = [channels] * len(layers) if isinstance(channels, int) else list(channels)
    if len(widths) != len(layers):
        raise ValueError(f"history has {len(layers)} layers, but the readout was built for {len(widths)}")
    for depth, (x, width) in enumerate(zip(layers, widths, strict=True)):
        if x.dim() != 2 or x.size(0) != layers[0].size(0) or x.size(1) != width:
            expected = [layers[0].size(0), width]
            raise ValueError(f"history[{depth}]={list(x.shape)} must be {expected} (nodes, channels)")
    if index is not None and index.shape != layers[0].shape[:1]:
        raise ValueError(f"index={list(index.shape)} must be [{layers[0].size(0)}], one graph a node")
    return layers
