"""A graph-level model: encoder, readout, head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation

from gpool.history import HistoryReadout
from gpool.models.encoder_contract import NodeEncoder, check_encoder
from gpool.models.hierarchy import Hierarchy, Level, check_poolings
from gpool.ops.checks.graphs import check_graph, filled_batch
from gpool.pooling import Pooling

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
        self, in_channels: int, hidden_channels: int, out_channels: int, *, dropout: float = 0.0
    ) -> None:
        super().__init__(
            nn.Linear(in_channels, hidden_channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_channels, out_channels),
        )
        self.in_channels, self.hidden_channels = in_channels, hidden_channels
        self.out_channels, self.dropout = out_channels, dropout


class GraphModel(nn.Module):
    """Nodes to one prediction per graph: ``head(readout(encoder(x, edge_index), batch))``.

    Args:
        encoder: a module that takes ``(x, edge_index, edge_attr)`` and returns the list of every layer's
            node states, such as :class:`Encoder`; the contract is :class:`NodeEncoder`.
        readout: any ``torch_geometric.nn.aggr.Aggregation``; it reads the last layer's states. A
            :class:`gpool.history.HistoryReadout` reads all layers' states.
        head: a module from the readout's vectors to predictions. Without it, an :class:`MLPHead` of the
            encoder's width is built; then ``out_channels`` must be given.
        out_channels: number of predictions per graph, where no ``head`` is given.
        pooling: makes the graph smaller after the encoder, once for each entry, with message passing after
            each: the encoder's own kind, ``encoder.coarse(coarse_layers)``. The edge features
            ``encoder.edges(edge_attr)`` go along.
        coarse_layers: layers of message passing after each pooling.
        levels: "sum" adds the readouts of the encoder's graph and of every pooled one, "last" takes that of
            the last. A :class:`gpool.history.HistoryReadout` reads one history in either case: the encoder's,
            then the states of every level, lifted to the nodes they came from.

    Auxiliary losses of the poolings are added up in ``aux_loss``, None where there is none.

    Shape:
        - ``x`` [N, C], ``edge_index`` [2, E], ``edge_attr`` [E, D], ``batch`` [N] -> [B, out_channels].

    Raises:
        ValueError: if neither or both of ``head`` and ``out_channels`` are given, or the encoder
            does not keep its contract; ``pooling`` is not a list of poolings; ``levels`` is unknown.

    >>> from torch_geometric.nn import MeanAggregation
    >>> from gpool.models import Encoder
    >>> model = GraphModel(Encoder(3, hidden_channels=8), MeanAggregation(), out_channels=2)
    >>> model(torch.rand(4, 3), torch.tensor([[0, 1], [1, 0]]), batch=torch.tensor([0, 0, 1, 1])).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        encoder: nn.Module,
        readout: Aggregation | HistoryReadout,
        *,
        head: nn.Module | None = None,
        out_channels: int | None = None,
        pooling: Sequence[Pooling] | None = None,
        coarse_layers: int = 1,
        levels: Literal["sum", "last"] = "sum",
    ) -> None:
        super().__init__()
        if levels not in ("sum", "last"):
            raise ValueError(f"levels={levels!r} must be 'sum' or 'last'")
        check_poolings(pooling or [])
        contract = check_encoder(encoder, pooled=bool(pooling))
        if (head is None) == (out_channels is None):
            raise ValueError(
                "give either head or out_channels: a head of your own, or the width of the default one"
            )
        self.encoder = encoder
        self.readout = readout
        self.levels = levels
        self.coarse_layers = coarse_layers
        self.hierarchy: Hierarchy | None = None
        if pooling:
            self.hierarchy = Hierarchy(pooling, [contract.coarse(coarse_layers) for _ in pooling])
        self.aux_loss: Tensor | None = None
        if head is None:
            assert out_channels is not None
            width = contract.out_channels
            head = MLPHead(_width_of(readout, width), width, out_channels)
        self.head = head

    @property
    def pooling(self) -> list[Pooling] | None:
        """The poolings, finest first; None where there is none."""
        return None if self.hierarchy is None else list(self.hierarchy.pooling)  # type: ignore[arg-type]

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Predictions [B, out_channels]; without ``batch`` all nodes are in the first graph."""
        check_graph(x, edge_index, edge_attr, batch, batch_size)
        if batch is None:
            batch, batch_size = filled_batch(x, None, batch_size)
        history = self.encoder(x, edge_index, edge_attr)
        if self.hierarchy is None:
            return self.head(self.read(history, batch, batch_size))
        carried = cast("NodeEncoder", self.encoder).edges(edge_attr)
        levels = self.hierarchy(history[-1], edge_index, carried, batch, batch_size)
        losses = [level.pooled.aux_loss for level in levels if level.pooled.aux_loss is not None]
        self.aux_loss = torch.stack(losses).sum() if losses else None
        return self.head(self.read_levels(history, levels, batch, levels[0].pooled.batch_size))

    def read_levels(
        self, history: list[Tensor], levels: list[Level], batch: Tensor, batch_size: int
    ) -> Tensor:
        """The vector of every graph from the encoder's states and those of the levels above, [B, D]."""
        if isinstance(self.readout, HistoryReadout):
            states, reach = list(history), levels[0].pooled
            for i, level in enumerate(levels):
                reach = reach if i == 0 else reach.compose(level.pooled)
                states += [reach.lift(state) for state in level.history]
            return self.read(states, batch, batch_size)
        parts = [(level.history, level.pooled.batch) for level in levels]
        parts = parts[-1:] if self.levels == "last" else [(history, batch), *parts]
        return torch.stack([self.read(states, index, batch_size) for states, index in parts]).sum(0)

    def read(self, history: list[Tensor], batch: Tensor, batch_size: int | None = None) -> Tensor:
        """The readout's vector of every graph, [B, D]."""
        states = history if isinstance(self.readout, HistoryReadout) else history[-1]
        return self.readout(states, batch, dim_size=batch_size)


@torch.no_grad()
def _width_of(readout: nn.Module, width: int) -> int:
    """The width of what a readout returns: its ``out_channels``, or that of a trial on two nodes."""
    if isinstance(getattr(readout, "out_channels", None), int):
        return readout.out_channels  # type: ignore[return-value]
    training = readout.training
    out = readout.eval()(torch.zeros(2, width), torch.zeros(2, dtype=torch.long), dim_size=1)
    readout.train(training)
    return out.size(-1)
