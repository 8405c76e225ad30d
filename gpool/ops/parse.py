"""Edge scores -> a partition of the nodes: best incident edge, connected components, greedy matching."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "asymmetry",
    "best_neighbour",
    "components",
    "compress",
    "edge_coins",
    "label_clusters",
    "matching",
    "parse",
    "parse_merge",
]


def best_neighbour(score: Tensor, u: Tensor, v: Tensor, num_nodes: int, own: Tensor | None = None) -> Tensor:
    """For every node the neighbour at the other end of its best edge, int64 [N]; the node itself if it has none.

    Among equal scores the neighbour of the smallest id wins.

    Args:
        score: scores of the undirected edges {u, v}, each listed once, [M]; -inf takes an edge out.
        u, v: their end points [M].
        num_nodes: N.
        own: scores of staying alone [N]; a tie is lost to an edge.
    """
    ends, others = torch.cat([u, v]), torch.cat([v, u])
    both = torch.cat([score, score])
    best = score.new_full((num_nodes,), -torch.inf) if own is None else own.clone()
    best.scatter_reduce_(0, ends, both, "amax")
    winning = (both == best.index_select(0, ends)) & (both > -torch.inf)
    chosen = torch.full_like(best, num_nodes, dtype=torch.long)
    chosen.scatter_reduce_(0, ends, torch.where(winning, others, num_nodes), "amin")
    return torch.where(chosen == num_nodes, torch.arange(num_nodes, device=u.device), chosen)


def compress(parent: Tensor) -> Tensor:
    """The root above every node of a forest ``parent`` [N] (a root is its own parent), by pointer jumping.

    ceil(log2 N) doublings at most. On the CPU it stops as soon as nothing moves; elsewhere it does them all,
    since looking would be a synchronisation.
    """
    look = parent.device.type == "cpu" and not torch.compiler.is_compiling()
    for _ in range(max(parent.numel() - 1, 0).bit_length()):
        above = parent.index_select(0, parent)
        if look and torch.equal(above, parent):
            break
        parent = above
    return parent


def parse(score: Tensor, u: Tensor, v: Tensor, num_nodes: int, own: Tensor | None = None) -> Tensor:
    """One round of graph parsing: the root of every node in the forest of best incident edges, int64 [N].

    Nodes of the same root are the weakly connected components of u -> best neighbour of u: one Borůvka round
    of a maximum-weight spanning forest. With ties broken by (min id, max id) its only cycles are pairs that
    choose each other, and the smaller of the two becomes the root.
    """
    node = torch.arange(num_nodes, device=u.device)
    best = best_neighbour(score, u, v, num_nodes, own)
    mutual = best.index_select(0, best) == node
    return compress(torch.where(mutual & (node < best), node, best))


def parse_merge(score: Tensor, u: Tensor, v: Tensor, num_nodes: int, own: Tensor | None = None) -> Tensor:
    """As :func:`parse`, but a node follows all of its equally best edges: no tie is broken, so that the
    partition does not depend on how nodes are numbered. int64 [N], the smallest node id of the cluster.
    """
    best = score.new_full((num_nodes,), -torch.inf) if own is None else own.clone()
    best.scatter_reduce_(0, torch.cat([u, v]), torch.cat([score, score]), "amax")
    followed = (score == best.index_select(0, u)) | (score == best.index_select(0, v))
    index = (followed & (score > -torch.inf)).nonzero().view(-1)
    return components(u.index_select(0, index), v.index_select(0, index), num_nodes)


def components(u: Tensor, v: Tensor, num_nodes: int) -> Tensor:
    """The smallest node id of every node's connected component, int64 [N].

    Roots hook onto the smallest root they touch, then pointers jump; edges inside a tree leave the list.
    O(log N) rounds, each looking once whether an edge is left.
    """
    parent = torch.arange(num_nodes, device=u.device)
    while u.numel() > 0:
        low, high = torch.minimum(u, v), torch.maximum(u, v)
        parent = compress(parent.scatter_reduce(0, high, low, "amin"))
        u, v = parent.index_select(0, u), parent.index_select(0, v)
        index = (u != v).nonzero().view(-1)
        u, v = u.index_select(0, index), v.index_select(0, index)
    return parent


def matching(rank: Tensor, u: Tensor, v: Tensor, num_nodes: int) -> Tensor:
    """The matching that a greedy pass over the edges in order of ``rank`` would choose: ids of its edges.

    An edge that is the first at both of its ends is in the greedy matching whatever else is, so all of these
    are taken at once; edges that touch a taken node leave; repeat. O(log^2 M) rounds with high probability
    (Blelloch, Fineman and Shun, arXiv 1202.3205). Self-loops never match.

    Args:
        rank: place of every edge in the order, distinct int64 [M].
        u, v: end points [M].
        num_nodes: N.
    """
    last = torch.iinfo(rank.dtype).max
    taken: list[Tensor] = []
    edge = (u != v).nonzero().view(-1)
    while edge.numel() > 0:
        a, b, r = u.index_select(0, edge), v.index_select(0, edge), rank.index_select(0, edge)
        first = torch.full((num_nodes,), last, dtype=rank.dtype, device=rank.device)
        first.scatter_reduce_(0, a, r, "amin").scatter_reduce_(0, b, r, "amin")
        chosen = (first.index_select(0, a) == r) & (first.index_select(0, b) == r)
        taken.append(edge[chosen])
        free = torch.ones(num_nodes, dtype=torch.bool, device=rank.device)
        free[a[chosen]] = False
        free[b[chosen]] = False
        edge = edge[free.index_select(0, a) & free.index_select(0, b)]
    return torch.cat(taken) if taken else edge


def label_clusters(root: Tensor) -> tuple[Tensor, Tensor]:
    """Roots [N] -> clusters 0..K-1 in the order of their root's id [N], and whether a node is a root [N]."""
    is_root = root == torch.arange(root.numel(), device=root.device)
    return (is_root.cumsum(0) - 1).index_select(0, root), is_root


def asymmetry(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Zero iff every edge (u, v) occurs as often as (v, u), up to a chance of about 2^-60: int64 scalar.

    The sum over edges of a_u b_v - a_v b_u modulo 2^64, for two fixed hashes a and b of the nodes: no sort.
    """
    node = torch.arange(num_nodes, device=edge_index.device)
    a, b = _mix(2 * node), _mix(2 * node + 1)
    row, col = edge_index[0], edge_index[1]
    forth = a.index_select(0, row) * b.index_select(0, col)
    back = a.index_select(0, col) * b.index_select(0, row)
    return forth.sum() - back.sum()


def edge_coins(edge_index: Tensor, chance: float) -> Tensor:
    """One coin for every undirected edge, the same for (u, v) and (v, u), true with probability ``chance``: [E].

    The coin is a hash of {u, v} and a seed drawn from torch's generator: no edge has to look for its mate.
    """
    seed = torch.randint(2**62, (), device=edge_index.device)
    return (_hash(edge_index, seed) & 0x7FFFFFFF) < round(chance * 2**31)


def _hash(edge_index: Tensor, seed: Tensor) -> Tensor:
    """A well-mixed int64 of every undirected edge {u, v}."""
    low = torch.minimum(edge_index[0], edge_index[1])
    high = torch.maximum(edge_index[0], edge_index[1])
    return _mix(low * 0x1E3779B97F4A7C15 + high * 0x3F58476D1CE4E5B9 + seed)


def _mix(value: Tensor) -> Tensor:
    """The finisher of splitmix64 (Steele, Lea and Flood 2014), with arithmetic shifts."""
    value = (value ^ (value >> 30)) * -0x40A7B892E31B1A47
    value = (value ^ (value >> 27)) * -0x6B2FB644ECCEEE15
    return value ^ (value >> 31)
