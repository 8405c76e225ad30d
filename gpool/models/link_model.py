"""A model of links: encoder, readout or link pooling, head, over the enclosing subgraph of every pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation

from gpool.history import HistoryReadout
from gpool.link.batch import LinkBatch
from gpool.models.graph import GraphModel, MLPHead
from gpool.models.node_labels import NodeLabels
from gpool.models.subgraph_encoder import SubgraphEncoder
from gpool.ops.checks.arguments import check_positive
from gpool.pooling import Pooling

__all__ = ["LinkModel"]

HIDDEN = 128  # channels of the default head: SortPooling's vectors are thousands wide


class LinkModel(nn.Module):
    """The enclosing subgraph of every pair to one logit: ``head(pool(encoder(x, edge_index)))``.

    With a readout it is SEAL (Zhang and Chen, arXiv:1802.09691), each variant a choice of parts:

    | SEAL with | ``encoder`` | ``pool`` |
    | --- | --- | --- |
    | SortPooling (DGCNN) | ``Encoder(conv="gcn")`` | ``AllLayers(SortAggregation(k=30))`` |
    | GIN | ``Encoder(conv="gin")`` | ``SumAggregation()`` |
    | GCN, SAGE | ``Encoder(conv="gcn")``, ``Encoder(conv="sage")`` | ``MeanAggregation()`` |

    and with :class:`gpool.WalkPool` it is WalkPool; ``experiments/links.yaml`` has them side by side.

    Args:
        encoder: takes ``(x, edge_index, edge_attr)`` and returns every layer's states, such as
            :class:`Encoder`; or a :class:`SubgraphEncoder`, for a link pooling.
        pool: a ``torch_geometric.nn.aggr.Aggregation``, which reads the last layer's states; a
            :class:`gpool.history.HistoryReadout`, which reads all layers'; or a link pooling such as
            :class:`gpool.WalkPool`, called with the input and all layers' states side by side and the record
            of the subgraphs.
        head: from the pooled vectors to logits [B, 1]; None makes an :class:`MLPHead` of their width, and 128
            hidden channels at most.
        in_channels: width of the node features; the number of nodes where they are ids
            (:class:`gpool.data.NodeIds`).
        node_channels: width of a learned linear map of the features, or of a learned vector per node where
            they are ids, whose one-hot matrix is never made. None takes the features as they are.
        labels: :class:`NodeLabels` around the target link; None: no labels.
        pooling, coarse_layers, levels: hierarchical poolings before a readout, see :class:`GraphModel`.
        target_link: whether the encoder sees the target link, in all subgraphs alike; SEAL hides it. A
            :class:`SubgraphEncoder` always sees it.

    Shape:
        - a :class:`LinkBatch` of B links with subgraphs -> [B], logits.

    Raises:
        ValueError: an encoder whose ``in_channels`` is not the width of features and labels; poolings before
            a link pooling; a batch without subgraphs, or with ids where ``node_channels`` is None.

    >>> from torch_geometric.nn import SumAggregation
    >>> from gpool.data import Links
    >>> from gpool.models import Encoder
    >>> data = Links(batch_size=8)
    >>> encoder = Encoder(data.num_features + 32, hidden_channels=32)
    >>> seal = LinkModel(encoder, SumAggregation(), in_channels=data.num_features, labels=NodeLabels(32))
    >>> seal(next(iter(data.val_dataloader()))).shape
    torch.Size([8])
    """

    def __init__(
        self,
        encoder: nn.Module,
        pool: nn.Module,
        head: nn.Module | None = None,
        *,
        in_channels: int,
        node_channels: int | None = None,
        labels: NodeLabels | None = None,
        pooling: Sequence[Pooling] | None = None,
        coarse_layers: int = 1,
        levels: Literal["sum", "last"] = "sum",
        target_link: bool = False,
    ) -> None:
        super().__init__()
        check_positive(in_channels=in_channels, node_channels=1 if node_channels is None else node_channels)
        self.in_channels, self.node_channels = in_channels, node_channels
        self.coarse_layers, self.levels, self.target_link = coarse_layers, levels, target_link
        self.labels = labels
        width = self._check_width(encoder)
        self.weight: nn.Parameter | None = None
        if node_channels is not None:
            self.weight = nn.Parameter(torch.empty(in_channels, node_channels))
            nn.init.xavier_uniform_(self.weight)
        self.aux_loss: Tensor | None = None
        self.graph: GraphModel | None = None
        if isinstance(pool, (Aggregation, HistoryReadout)):
            if isinstance(encoder, SubgraphEncoder):
                raise ValueError("encoder=SubgraphEncoder must have a link pooling, such as gpool.WalkPool")
            self.graph = GraphModel(
                encoder,
                pool,
                head=nn.Identity() if head is None else head,
                pooling=pooling,
                coarse_layers=coarse_layers,
                levels=levels,
            )
            if head is None:
                width = self._read_width(self.graph, width)
                self.graph.head = MLPHead(width, min(width, HIDDEN), 1)
            return
        if pooling:
            raise ValueError("pooling must be None before a link pooling, which reads whole subgraphs")
        self._encoder, self._pool = encoder, pool
        if head is None:
            out = getattr(pool, "out_channels", None)
            if not isinstance(out, int):
                raise ValueError(
                    f"pool={type(pool).__name__} must have an integer out_channels, or give a head"
                )
            head = MLPHead(out, min(out, HIDDEN), 1)
        self._head = head

    def _check_width(self, encoder: nn.Module) -> int:
        width = self.in_channels if self.node_channels is None else self.node_channels
        width = width if self.labels is None else self.labels.width(width)
        found = getattr(encoder, "in_channels", width)
        if found != width:
            raise ValueError(
                f"encoder.in_channels={found} must be {width}: the node features "
                f"(node_channels={self.node_channels}, in_channels={self.in_channels}) and the labels"
            )
        return width

    @staticmethod
    @torch.no_grad()
    def _read_width(graph: GraphModel, width: int) -> int:
        """The width of what is read, by a trial on two linked nodes."""
        edges = torch.tensor([[0, 1], [1, 0]])
        out = graph.eval()(torch.zeros(2, width), edges, None, torch.tensor([0, 0]), 1)
        graph.train()
        graph.aux_loss = None
        return int(out.size(-1))

    @property
    def encoder(self) -> nn.Module:
        """The encoder."""
        return self._encoder if self.graph is None else self.graph.encoder

    @property
    def pool(self) -> nn.Module:
        """The readout or link pooling."""
        return self._pool if self.graph is None else self.graph.readout

    @property
    def head(self) -> nn.Module:
        """The head."""
        return self._head if self.graph is None else self.graph.head

    @property
    def pooling(self) -> list[Pooling] | None:
        """The poolings, finest first; None where there is none."""
        return None if self.graph is None else self.graph.pooling

    def inputs(self, batch: LinkBatch) -> Tensor:
        """What the encoder reads of every node: features, mapped where asked for, and labels."""
        if batch.subgraphs is None:
            raise ValueError(
                f"batch has no subgraphs; {type(self).__name__} reads the enclosing subgraph of every pair"
            )
        x = self.features(batch.x)
        return x if self.labels is None else self.labels(x, batch)

    def features(self, x: Tensor) -> Tensor:
        """Features [N, F] or ids [N, 1] as they are, or mapped where ``node_channels`` is given."""
        if x.is_floating_point():
            return x if self.weight is None else x @ self.weight
        if self.weight is None:
            raise ValueError("batch.x holds node ids; node_channels must be the width of their vectors")
        return F.embedding(x.view(-1), self.weight)

    def encode(self, batch: LinkBatch) -> Tensor:
        """What a link pooling reads: the inputs and every layer's states side by side, [N, C]."""
        x, subgraphs = self.inputs(batch), batch.subgraphs
        around = subgraphs if isinstance(self.encoder, SubgraphEncoder) else self._edges(batch)
        return torch.cat([x, *self.encoder(x, around)], dim=1)

    def _edges(self, batch: LinkBatch) -> Tensor:
        assert batch.subgraphs is not None
        edges = batch.subgraphs.edge_index
        return edges if self.target_link else edges[:, ~batch.subgraphs.is_target]

    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits of the target links, [B]."""
        if self.graph is None:
            return self.head(self.pool(self.encode(batch), batch.subgraphs)).squeeze(-1)
        x = self.inputs(batch)
        assert batch.subgraphs is not None
        of, count = batch.subgraphs.batch, batch.subgraphs.num_graphs
        out = self.graph(x, self._edges(batch), None, of, count)
        self.aux_loss = self.graph.aux_loss
        return out.squeeze(-1)
