"""A graph-level model: encoder, readout, head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation

from gpool.history import HistoryReadout

__all__ = ["GraphModel", "MLPHead"]


class MLPHead(nn.Sequential):
    """Linear, ReLU, dropout, linear: [B, in_channels] -> [B, out_channels].

    Args:
        in_channels: width of a graph's vector.
        hidden_channels: width between the two linear maps.
        out_channels: number of classes, tasks or targets.
        dropout: probability of dropping an entry between the two linear maps.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int = 64, out_channels: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__(
            nn.Linear(in_channels, hidden_channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_channels, out_channels),
        )


class GraphModel(nn.Module):
    """Nodes to one prediction a graph: ``head(readout(encoder(x, edge_index), batch))``.

    Args:
        encoder: a module that takes ``(x, edge_index, edge_attr)`` and returns the list of every layer's
            node states, such as :class:`Encoder`.
        readout: any ``torch_geometric.nn.aggr.Aggregation``; it reads the last layer's states. A
            :class:`gpool.history.HistoryReadout` reads all layers' states.
        head: a module from the readout's vectors to predictions. Without it, an :class:`MLPHead` of the
            encoder's width is built; then ``out_channels`` must be given.
        out_channels: number of predictions a graph, where no ``head`` is given.

    Shapes:
        ``x`` [N, C], ``edge_index`` [2, E], ``edge_attr`` [E, D], ``batch`` [N] -> [B, out_channels].

    Raises:
        ValueError: if neither or both of ``head`` and ``out_channels`` are given, or the encoder does not
            say its width.

    >>> from torch_geometric.nn import MeanAggregation
    >>> from gpool.models import Encoder
    >>> model = GraphModel(Encoder(3, 8), MeanAggregation(), out_channels=2)
    >>> model(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]]), batch=torch.tensor([0, 0, 1, 1])).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        encoder: nn.Module,
        readout: Aggregation | HistoryReadout,
        head: nn.Module | None = None,
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        if (head is None) == (out_channels is None):
            raise ValueError(
                "give either head or out_channels: a head of your own, or the width of the default one"
            )
        if not isinstance(getattr(encoder, "out_channels", None), int):
            raise ValueError(
                f"encoder={encoder} must have an integer out_channels, the width of its last layer"
            )
        self.encoder = encoder
        self.readout = readout
        if head is None:
            assert out_channels is not None
            width = encoder.out_channels
            head = MLPHead(_width_of(readout, encoder), width, out_channels)  # type: ignore[arg-type]
        self.head = head

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Predictions [B, out_channels]; without ``batch`` all nodes are one graph."""
        if batch is None:
            batch, batch_size = edge_index.new_zeros(x.size(0)), 1
        return self.head(self.read(self.encoder(x, edge_index, edge_attr), batch, batch_size))

    def read(self, history: list[Tensor], batch: Tensor, batch_size: int | None = None) -> Tensor:
        """The readout's vector of every graph, [B, D]."""
        states = history if isinstance(self.readout, HistoryReadout) else history[-1]
        return self.readout(states, batch, dim_size=batch_size)


@torch.no_grad()
def _width_of(readout: nn.Module, encoder: nn.Module) -> int:
    """The width of what a readout returns: its ``out_channels``, or that of a trial on two nodes."""
    if isinstance(getattr(readout, "out_channels", None), int):
        return readout.out_channels  # type: ignore[return-value]
    training = readout.training
    width: int = encoder.out_channels  # type: ignore[assignment]
    out = readout.eval()(torch.zeros(2, width), torch.zeros(2, dtype=torch.long), dim_size=1)
    readout.train(training)
    return out.size(-1)
