"""The fixed walk profile: a link, summarized by the walks of a uniform walker around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpool.ops.checks.arguments import check_positive
from gpool.ops.subgraph.record import EnclosingSubgraphs
from gpool.ops.subgraph.walk_profile import walk_profile

__all__ = ["WalkProfile"]


class WalkProfile(nn.Module):
    """Walk profile of every target link with uniform transition weights: :class:`WalkPool` with no parameter.

    A walker at c steps to each of its neighbors with the same probability, with the target link and without
    it; the features of walks of 2 .. L + 1 steps are those of
    :func:`gpool.ops.subgraph.walk_profile.walk_profile`, in its order. With boosted trees
    (:class:`gpool.models.BoostedLinks`) it is a baseline that trains in seconds.

    Args:
        walk_length: L, the number of walk lengths.

    Shape:
        - **z**, which only says the type of the result (None: float32), **subgraphs** with B targets ->
          [B, 5 L + 1].

    Raises:
        ValueError: walk_length < 1, a record that is not sound.

    >>> import torch
    >>> from gpool.ops.subgraph.record import EnclosingSubgraphs
    >>> pair = EnclosingSubgraphs.from_edges(torch.tensor([[0, 1], [1, 0]]), torch.tensor([True, True]))
    >>> WalkProfile(walk_length=2)(None, pair).tolist()  # they only walk to each other
    [[2.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0]]
    """

    def __init__(self, *, walk_length: int = 7) -> None:
        super().__init__()
        check_positive(walk_length=walk_length)
        self.walk_length = walk_length

    @property
    def out_channels(self) -> int:
        """Width of the features of a link."""
        return 5 * self.walk_length + 1

    def forward(self, z: Tensor | None, subgraphs: EnclosingSubgraphs) -> Tensor:
        """Walk features of every target link, [B, out_channels]."""
        dtype = torch.float32 if z is None else z.dtype
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        logits = torch.zeros(subgraphs.num_edges, 1, dtype=wide, device=subgraphs.batch.device)
        return walk_profile(logits, subgraphs, self.walk_length).to(dtype)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.out_channels}, walk_length={self.walk_length})"
