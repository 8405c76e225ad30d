"""BUDDY-type models: how many nodes lie near both ends of a pair, estimated from sketches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpool.link.batch import LinkBatch
from gpool.models.graph import MLPHead
from gpool.models.masked_targets import without_targets
from gpool.ops.checks.arguments import check_positive
from gpool.ops.minhash import cardinality, grow, jaccard, registers, signatures

__all__ = ["SketchModel"]


class SketchModel(nn.Module):
    """``head(counts, z_i * z_j)``: sizes of the balls around i and j and of what they share, from sketches.

    After Chamberlain et al., "Graph Neural Networks for Link Prediction with Subgraph Sketching", ICLR 2023
    (arXiv:2209.15486). With S_d(v) the nodes within d hops of v, the counts are, for d and e in 1 .. k,

        |S_d(i) and S_e(j)| + |S_e(i) and S_d(j)|  for d <= e,      |S_d(i)| + |S_d(j)|,

    which span the paper's counts at exact distances; each as log(1 + count). Intersections are MinHash
    estimates of the Jaccard index times HyperLogLog estimates of the union. z is the last layer of
    ``encoder``, where one is given. In training the batch's target links are taken out of the graph, so its
    sketches are made anew; otherwise they are made once per graph.

    Args:
        encoder: as in :class:`CommonNeighborModel`; None: the counts alone.
        num_hops: k.
        hidden_channels: of the head, an :class:`MLPHead`.
        dropout: of the head.
        signature_size, register_size: numbers per sketch; a power of two for the registers.
        mask_targets: take the batch's target links out while training.

    Shape:
        - a :class:`LinkBatch` with ``edge_index`` -> [B], logits.

    Raises:
        ValueError: sizes below 1, registers that are no power of two; a batch of subgraphs; in training, one
            that holds every observed link.

    >>> from gpool.data import Links
    >>> model = SketchModel()
    >>> model(next(iter(Links(neighborhood=None, batch_size=8).val_dataloader()))).shape
    torch.Size([8])
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        *,
        num_hops: int = 2,
        hidden_channels: int = 64,
        dropout: float = 0.0,
        signature_size: int = 128,
        register_size: int = 256,
        mask_targets: bool = True,
    ) -> None:
        super().__init__()
        check_positive(num_hops=num_hops, hidden_channels=hidden_channels, signature_size=signature_size)
        registers(0, register_size)  # checks the size
        self.encoder, self.num_hops, self.hidden_channels = encoder, num_hops, hidden_channels
        self.dropout, self.mask_targets = dropout, mask_targets
        self.signature_size, self.register_size = signature_size, register_size
        counts = num_hops * (num_hops + 1) // 2 + num_hops
        width = 0 if encoder is None else int(encoder.out_channels)  # type: ignore[arg-type]
        self.head = MLPHead(counts + width, hidden_channels, 1, dropout=dropout)
        self._held: tuple[Tensor, Tensor, Tensor] | None = None

    def sketches(self, edge_index: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
        """Signatures and registers of every node's balls, [k, N, size] each."""
        sign = signatures(num_nodes, self.signature_size).to(edge_index.device)
        register = registers(num_nodes, self.register_size).to(edge_index.device)
        signs, held = [], []
        for _ in range(self.num_hops):
            sign, register = grow(sign, edge_index, False), grow(register, edge_index, True)
            signs.append(sign)
            held.append(register)
        return torch.stack(signs), torch.stack(held)

    def counts(self, pairs: Tensor, signs: Tensor, held: Tensor) -> Tensor:
        """log(1 + count) of every pair, [B, k (k + 3) / 2]."""
        i, j = pairs.t()

        def both(d: int, e: int) -> Tensor:
            union = cardinality(torch.maximum(held[d, i], held[e, j]))
            return jaccard(signs[d, i], signs[e, j]) * union

        hops = range(self.num_hops)
        shared = [both(d, e) + both(e, d) for d in hops for e in hops if d <= e]
        sizes = [cardinality(held[d, i]) + cardinality(held[d, j]) for d in hops]
        return torch.stack([*shared, *sizes], dim=1).log1p()

    def forward(self, batch: LinkBatch) -> Tensor:
        """Logits of the pairs, [B]."""
        edges, masked = batch.edge_index, self.training and self.mask_targets
        if edges is None or masked:
            edges = without_targets(batch, type(self).__name__)
        if masked:
            made = self.sketches(edges, batch.x.size(0))
        else:
            if self._held is None or self._held[0] is not edges:
                self._held = (edges, *self.sketches(edges, batch.x.size(0)))
            made = self._held[1:]
        found = self.counts(batch.pairs, *made)
        if self.encoder is not None:
            z = self.encoder(batch.x, edges)[-1]
            i, j = batch.pairs.t()
            found = torch.cat([found.to(z.dtype), z[i] * z[j]], dim=1)
        return self.head(found.to(next(self.parameters()).dtype)).squeeze(-1)
