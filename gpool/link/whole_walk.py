"""Walk profiles of many unlinked pairs from one walk over the whole graph."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from gpool.ops.csr import Pattern, csr_powers
from gpool.ops.segment import segment_softmax
from gpool.ops.segment.logsumexp import segment_logsumexp
from gpool.ops.subgraph.walk_profile import _divide

__all__ = ["WholeWalk"]

STARTS = 64  # nodes that walk at once, which bounds the memory


class WholeWalk:
    """The walk profile of pairs that are not linked, each in the whole graph; no gradient.

    What :func:`gpool.ops.subgraph.walk_profile.walk_profile` gives for a subgraph that is the whole graph and
    the pair's link. The graph without the link is the same for all pairs, so its walks are shared: with g_k
    the rows and columns i, j of M-^k, t the shares that the link takes of rows i and j, T = diag(t) and P the
    swap,

        c_k = T (P g_k - g_{k+1}),   A(z) = 1 - z c(z)

    M+^k at i, j are the coefficients of g(z) A(z)^-1, and tr(M+^k) - tr(M-^k) those of -z tr(A'(z) A(z)^-1).
    Time grows with N E L for all pairs together: for graphs of some 5,000 nodes at most.

    Args:
        logits: of every edge and head, [E, H].
        edge_index: [2, E], source and destination, without the pairs' links.
        num_nodes: N.
        walk_length: L; the walks take 2 .. L + 1 steps.
    """

    def __init__(self, logits: Tensor, edge_index: Tensor, num_nodes: int, walk_length: int) -> None:
        destination = edge_index[1]
        self.size, self.steps = num_nodes, walk_length + 1
        self.total = segment_logsumexp(logits, destination, dim_size=num_nodes)  # [N, H]
        share = segment_softmax(logits, destination, dim_size=num_nodes)
        self.step = _matrices(edge_index.flip(0), share, num_nodes)
        self.back = _matrices(edge_index, share, num_nodes)
        every = torch.arange(num_nodes, device=edge_index.device)
        self.own = torch.cat(  # M^k_jj, [K + 1, H, N]
            [
                self._powers(self.step, some)[..., some, torch.arange(some.numel())]
                for some in every.split(STARTS)
            ],
            dim=2,
        )

    def _powers(self, step: list[tuple[Pattern, Tensor]], start: Tensor) -> Tensor:
        """M^k e_i of every start and head, [K + 1, H, N, starts]."""
        state = torch.zeros(self.size, start.numel(), dtype=self.total.dtype, device=start.device)
        state[start, torch.arange(start.numel(), device=start.device)] = 1.0
        return torch.stack([csr_powers(*matrix, state, self.steps) for matrix in step], dim=1)

    def _blocks(self, pairs: Tensor) -> Tensor:
        """M-^k at rows and columns i, j of every pair: [B, H, K + 1, 2, 2]."""
        starts, which = pairs[:, 0].unique(return_inverse=True)
        out = self.own.new_empty(pairs.size(0), len(self.step), self.steps + 1, 2, 2)
        for first in range(0, starts.numel(), STARTS):
            some = starts[first : first + STARTS]
            mine = ((which >= first) & (which < first + STARTS)).nonzero().view(-1)
            place, j = which[mine] - first, pairs[mine, 1]
            down, across = (self._powers(step, some)[:, :, j, place] for step in (self.step, self.back))
            own = self.own[:, :, some][:, :, place], self.own[:, :, j]
            block = torch.stack([own[0], across, down, own[1]], dim=-1)  # [K + 1, H, b, 4]
            out[mine] = block.permute(2, 1, 0, 3).unflatten(-1, (2, 2))
        return out

    @torch.no_grad()
    def profile(self, pairs: Tensor, logits: Tensor) -> Tensor:
        """Features [B, H (5 L + 1)] of pairs [B, 2], with logits [B, 2, H] of the links j -> i and i -> j."""
        without = self._blocks(pairs)
        t = (logits - self.total[pairs]).sigmoid().transpose(1, 2)  # [B, H, 2]
        c = t[:, :, None, :, None] * (without.flip(-2)[:, :, :-1] - without[:, :, 1:])
        one = torch.eye(2, dtype=c.dtype, device=c.device).expand(*c.shape[:2], 1, 2, 2)
        series = torch.cat([one, -c], dim=2)
        power = torch.arange(1, self.steps + 1, dtype=c.dtype, device=c.device).view(-1, 1, 1)
        derivative = pad(series[:, :, 1:] * power, (0, 0, 0, 0, 0, 1))
        plus, trace = _divide(torch.stack([without, derivative]), series.expand(2, *series.shape))
        plus, minus, trace = plus[:, :, 2:], without[:, :, 2:], -trace[:, :, 1:-1]
        omega = logits.sigmoid().sum(1)  # [B, H]
        closed = [(m[..., 0, 0] + m[..., 1, 1]).flatten(1) for m in (trace, plus, minus)]
        across = [(m[..., 0, 1] + m[..., 1, 0]).flatten(1) for m in (plus, minus)]
        return torch.cat([closed[0], omega, *closed[1:], *across], dim=1)


def _matrices(entries: Tensor, share: Tensor, size: int) -> list[tuple[Pattern, Tensor]]:
    """The matrix of every head, with ``share`` [E, H] at rows and columns ``entries`` [2, E]."""
    order = entries[0].argsort(stable=True)
    row, col = entries[:, order]
    by_col = col.argsort(stable=True)
    rowptr, colptr = (pad(torch.bincount(x, minlength=size).cumsum(0), (1, 0)) for x in (row, col))
    pattern = Pattern(rowptr, col, by_col, colptr, row[by_col])
    return [(pattern, value.contiguous()) for value in share[order].t()]
