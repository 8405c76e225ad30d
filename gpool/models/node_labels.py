"""Labels of a subgraph's nodes by their place around the target link, as learned vectors."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.ops.checks.arguments import check_positive
from gpool.ops.subgraph.distance_labels import distances, drnl

__all__ = ["NodeLabels"]


class NodeLabels(nn.Module):
    """A learned vector per node label, put beside the node features or added to them.

    ``kind="drnl"``: the double-radius label of SEAL (arXiv:1802.09691), one vector. ``kind="de"``: distance
    encoding (arXiv:2009.00142), the sum of a vector for the distance to i and one for that to j, from one
    table, so that swapping i and j changes nothing; no path is a label too.

    Args:
        channels: width C of the vectors.
        kind: ``"drnl"`` or ``"de"``.
        max_label: largest label with a vector of its own; larger ones share it.
        join: ``"concat"`` puts the vectors behind the features, ``"add"`` adds them.

    Shape:
        - features [N, F] and the batch they belong to -> [N, F + C], or [N, C] where F = C is added to. The
          labels are those of the batch where it has them (``Neighborhood(labels=True)``), else computed.

    Raises:
        ValueError: an unknown kind or join, sizes below 1, features to be added that are not C wide.
    """

    def __init__(
        self,
        channels: int = 32,
        *,
        kind: Literal["drnl", "de"] = "drnl",
        max_label: int = 100,
        join: Literal["concat", "add"] = "concat",
    ) -> None:
        super().__init__()
        check_positive(channels=channels, max_label=max_label)
        if kind not in ("drnl", "de"):
            raise ValueError(f"kind={kind!r} must be 'drnl' or 'de'")
        if join not in ("concat", "add"):
            raise ValueError(f"join={join!r} must be 'concat' or 'add'")
        self.channels, self.kind, self.max_label, self.join = channels, kind, max_label, join
        self.embedding = nn.Embedding(max_label + 1, channels)

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        self.embedding.reset_parameters()

    def width(self, features: int) -> int:
        """Width of the result for features of this width."""
        if self.join == "add" and features != self.channels:
            raise ValueError(
                f"labels.channels={self.channels} must be {features}, the width of what they are added to"
            )
        return features + (self.channels if self.join == "concat" else 0)

    def forward(self, x: Tensor, batch: LinkBatch) -> Tensor:
        """The features with the vectors of the labels."""
        assert batch.subgraphs is not None
        if self.kind == "de":
            hops = distances(batch.subgraphs) + 1  # 0 where there is no path
            vectors = self.embedding(hops.clamp(max=self.max_label)).sum(1)
        else:
            labels = drnl(batch.subgraphs) if batch.labels is None else batch.labels
            vectors = self.embedding(labels.clamp(max=self.max_label))
        return x + vectors if self.join == "add" else torch.cat([x, vectors.to(x.dtype)], dim=1)
