"""Poolings one after the other, with message passing on every smaller graph."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from gpool.models.explain import never_masked
from gpool.pooling import Pooled, Pooling

__all__ = ["Hierarchy", "Level", "check_poolings"]


class Level:
    """A pooled graph after its message passing: states of every layer, and the pooling that made it."""

    def __init__(self, history: list[Tensor], pooled: Pooled) -> None:
        self.history = history
        self.pooled = pooled


def check_poolings(pooling: Sequence[Pooling]) -> None:
    """Raise a ValueError unless ``pooling`` is a list of poolings."""
    if not isinstance(pooling, (list, tuple, nn.ModuleList)):
        raise ValueError(f"pooling={pooling} must be a list of poolings, one for each level")
    for i, pool in enumerate(pooling):
        if not isinstance(pool, Pooling):
            raise ValueError(
                f"pooling[{i}]={pool} must be a gpool.pooling.Pooling, which returns a Pooled record: "
                f"GraphParsing, EdgeContraction, SparseCoarsening or a subclass of your own"
            )


class Hierarchy(nn.Module):
    """Pool, pass messages, pool again: one level for each pooling.

    Args:
        pooling: what makes the graph smaller, in turn.
        layers: for each of them the message passing on its result, called with (x, edge_index, edge_attr).

    Raises:
        ValueError: there are not as many layers as poolings, or one is no :class:`gpool.pooling.Pooling`.

    >>> import torch, gpool
    >>> from gpool.models import Encoder
    >>> layers = [Encoder(4, hidden_channels=4, num_layers=1)]
    >>> hierarchy = Hierarchy([gpool.SparseCoarsening(4, ratio=0.5)], layers)
    >>> levels = hierarchy(torch.rand(3, 4), torch.tensor([[0], [1]]), None, torch.tensor([0, 0, 1]), 2)
    >>> levels[0].history[-1].shape
    torch.Size([2, 4])
    """

    def __init__(self, pooling: Sequence[Pooling], layers: Sequence[nn.Module]) -> None:
        super().__init__()
        check_poolings(pooling)
        if len(pooling) != len(layers):
            raise ValueError(
                f"layers has {len(layers)} entries and must have {len(pooling)}, one for each pooling"
            )
        self.pooling = nn.ModuleList(pooling)
        self.layers = nn.ModuleList(layers)
        for part in (*self.layers, *self.pooling[1:]):
            never_masked(part)

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, batch: Tensor, batch_size: int | None
    ) -> list[Level]:
        """The levels, finest first."""
        levels: list[Level] = []
        for pool, layer in zip(self.pooling, self.layers, strict=True):
            pooled = pool(x, edge_index, edge_attr, batch, batch_size)
            states = layer(pooled.x, pooled.edge_index, pooled.edge_attr)
            history = list(states) if isinstance(states, (list, tuple)) else [states]
            levels.append(Level(history, pooled))
            x, edge_index, edge_attr = history[-1], pooled.edge_index, pooled.edge_attr
            batch, batch_size = pooled.batch, pooled.batch_size
        return levels
