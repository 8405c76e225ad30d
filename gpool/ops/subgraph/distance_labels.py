"""Labels of the nodes of many enclosing subgraphs at once: distances to the ends, double-radius labels."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.subgraph.adjacency import expand
from gpool.ops.subgraph.record import EnclosingSubgraphs

__all__ = ["distances", "drnl"]


def distances(subgraphs: EnclosingSubgraphs) -> Tensor:
    """Hops from every node to either end of its target: [N, 2], -1 where there is no path.

    The target link is left out, and so is the other end: column 0 holds the distance to i in the subgraph
    without j, column 1 the distance to j without i. Both ends are 0 from themselves and -1 from each other.

    One breadth-first search of all subgraphs and both columns, frontier by frontier: every edge is read
    twice.

    >>> import torch
    >>> edges = torch.tensor([[0, 1, 1, 2, 2, 3, 0, 3], [1, 0, 2, 1, 3, 2, 3, 0]])
    >>> target = torch.tensor([False] * 6 + [True] * 2)  # a path 0 1 2 3, its ends joined by the target
    >>> distances(EnclosingSubgraphs.from_edges(edges, target)).tolist()
    [[0, -1], [1, 2], [2, 1], [-1, 0]]
    """
    subgraphs.check()
    nodes, target = subgraphs.num_nodes, subgraphs.target
    keys = torch.arange(2 * nodes, device=target.device)  # key = 2 node + column
    out = torch.full_like(keys, -1)
    blocked = torch.zeros_like(keys, dtype=torch.bool)
    blocked[2 * target[:, 0] + 1] = True
    blocked[2 * target[:, 1]] = True
    frontier = (2 * target + torch.arange(2, device=target.device)).reshape(-1)
    out[frontier] = 0
    source, rowptr, degree = subgraphs.edge_index[0], subgraphs.rowptr, subgraphs.rowptr.diff()
    hop = 0
    while frontier.numel() > 0:
        hop += 1
        node = frontier // 2
        position, of = expand(rowptr[node], degree[node])
        reached = 2 * source[position] + (frontier % 2)[of]
        new = reached[(out[reached] < 0) & ~blocked[reached] & ~subgraphs.is_target[position]]
        out[new] = hop
        first = torch.full_like(keys[: 2 * nodes], -1)
        first[new] = torch.arange(new.numel(), device=new.device)
        frontier = new[first[new] == torch.arange(new.numel(), device=new.device)]  # each node once
    return out.view(nodes, 2)


def drnl(subgraphs: EnclosingSubgraphs) -> Tensor:
    """Double-radius node labels, int64 [N].

    From Zhang and Chen, "Link Prediction Based on Graph Neural Networks" (arXiv:1802.09691). With the
    distances x to i without j and y to j without i, and d = x + y,

        1 + min(x, y) + floor(d / 2) (floor(d / 2) + d mod 2 - 1),

    1 at both ends and 0 where either distance is infinite. Swapping i and j changes nothing.

    >>> import torch
    >>> edges = torch.tensor([[0, 1, 1, 2, 2, 3, 0, 3], [1, 0, 2, 1, 3, 2, 3, 0]])
    >>> target = torch.tensor([False] * 6 + [True] * 2)
    >>> drnl(EnclosingSubgraphs.from_edges(edges, target)).tolist()
    [1, 3, 3, 1]
    """
    hops = distances(subgraphs)
    total = hops.sum(1)
    half = total // 2
    label = 1 + hops.amin(1) + half * (half + total % 2 - 1)
    label[(hops < 0).any(1)] = 0
    label[subgraphs.target.reshape(-1)] = 1
    return label
