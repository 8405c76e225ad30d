"""Train a readout over a frozen backbone, whose activations are computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gpool.history.base import History

__all__ = ["CachedHistory", "cache_history"]


@torch.no_grad()
def cache_history(
    encode: Callable[[Data], History],
    batches: Iterable[Data],
    dtype: torch.dtype = torch.float16,
) -> list[Data]:
    r"""Every graph of ``batches`` with its history in place of its features, on the host.

    The backbone runs once, in evaluation mode and without gradients, so that what is trained afterwards is
    the readout alone ("Learning from Historical Activations in Graph Neural Networks", Galron et al. 2026,
    arXiv:2601.01123, the frozen variant). A graph takes n sum_l C_l numbers of ``dtype``.

    Args:
        encode: batch -> history, L tensors [N, C_l] or one [N, L, C]; a module is put into evaluation mode
            for the time of this call.
        batches: PyG batches (a loader that does not shuffle keeps the order of its set) or single graphs.
        dtype: how the activations are stored; half precision by default. ``CachedHistory`` returns float32.

    Shape:
        - Of every returned graph, ``x``: [n, C_1 + ... + C_L], the layers side by side; all else as it was.
        - A graph without nodes keeps an ``x`` of no rows.

    Raises:
        ValueError: if ``encode`` returns no layers.

    Example:
        >>> data = Data(x=torch.randn(4, 8), edge_index=torch.empty(2, 0, dtype=torch.long))
        >>> cached = cache_history(lambda batch: [batch.x, 2 * batch.x], [data])
        >>> cached[0].x.shape, [x.shape for x in CachedHistory([8, 8])(cached[0].x)]
        (torch.Size([4, 16]), [torch.Size([4, 8]), torch.Size([4, 8])])
    """
    training = encode.training if isinstance(encode, nn.Module) else False
    if isinstance(encode, nn.Module):
        encode.eval()
    cached: list[Data] = []
    for batch in batches:
        history = encode(batch)
        layers = list(history.unbind(1)) if isinstance(history, Tensor) else list(history)
        if not layers:
            raise ValueError("encode returned a history of no layers: at least one is needed")
        kept = batch.clone()
        kept.x = torch.cat(layers, dim=-1).to(dtype)
        graphs = kept.to_data_list() if hasattr(kept, "to_data_list") else [kept]
        cached.extend(_own_memory(graph.cpu()) for graph in graphs)
    if isinstance(encode, nn.Module):
        encode.train(training)
    return cached


def _own_memory(graph: Data) -> Data:
    """Not a view that keeps its whole batch alive."""
    graph.x = graph.x.clone()
    return graph


class CachedHistory(nn.Module):
    r"""The encoder of a frozen backbone: cuts a cached ``x`` into its layers, in float32.

    Stands where the backbone stood, so the same model and the same task train the readout alone. It has no
    parameters and ignores the edges.

    Args:
        channels: width of every layer, in the order of the history.

    Shape:
        - x: [N, C_1 + ... + C_L] from :func:`cache_history`; output: L tensors [N, C_l].
        - No nodes give L tensors without rows.

    Raises:
        ValueError: at construction for no layers, in ``forward`` if the width of ``x`` is not their sum.

    Example:
        >>> [x.shape for x in CachedHistory([3, 5])(torch.randn(2, 8))]
        [torch.Size([2, 3]), torch.Size([2, 5])]
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        if not channels:
            raise ValueError("channels=[] must list the width of every layer")
        self.channels = list(channels)
        self.out_channels = self.channels[-1]

    def forward(self, x: Tensor, *graph: Tensor | None) -> list[Tensor]:
        """The layers of a cached ``x``, one [N, C_l] each; edges and batch are ignored."""
        if x.size(-1) != sum(self.channels):
            raise ValueError(
                f"x={list(x.shape)} must have {sum(self.channels)} columns, those of {self.channels}"
            )
        return list(x.float().split(self.channels, dim=-1))

    def extra_repr(self) -> str:
        return str(self.channels)
