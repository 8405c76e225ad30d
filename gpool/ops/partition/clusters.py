"""Edge scores -> a partition of the nodes: best incident edge, connected components, greedy matching."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.masks import positions
from gpool.ops.partition.ties import near

__all__ = [
    "best_neighbor",
    "components",
    "compress",
    "label_clusters",
    "matching",
    "parse",
    "parse_merge",
    "roots",
]


def _tie_bar(
    score: Tensor, u: Tensor, v: Tensor, num_nodes: int, own: Tensor | None, within: float | None
) -> Tensor:
    """The lowest score with which an edge ties for the best of a node, [N]; inf where a node has no edge."""
    best = score.new_full((num_nodes,), -torch.inf) if own is None else own.clone()
    best.scatter_reduce_(0, torch.cat([u, v]), torch.cat([score, score]), "amax")
    bar = best - best.abs().clamp_(min=1.0).mul_(near(score.dtype) if within is None else within)
    return bar.masked_fill_(best == -torch.inf, torch.inf)


def best_neighbor(
    score: Tensor,
    u: Tensor,
    v: Tensor,
    num_nodes: int,
    own: Tensor | None = None,
    within: float | None = None,
) -> Tensor:
    """For every node the neighbor at the other end of its best edge, int64 [N]; the node itself if it has
    none.

    Scores near the best tie with it, and among them the neighbor of the smallest id wins: rounding, which
    depends on the other graphs of a batch, does not decide between equal edges.

    Args:
        score: scores of the undirected edges {u, v}, each listed once, [M]; -inf takes an edge out.
        u, v: their end points [M].
        num_nodes: N.
        own: scores of staying alone [N]; a tie is lost to an edge.
        within: how much smaller than the best a score may be, relative to max(1, |best|); by default
            :func:`gpool.ops.partition.ties.near` of its type.
    """
    bar = _tie_bar(score, u, v, num_nodes, own, within)
    ends, others = torch.cat([u, v]), torch.cat([v, u])
    winning = torch.cat([score, score]) >= bar.index_select(0, ends)
    chosen = torch.full((num_nodes,), num_nodes, dtype=torch.long, device=u.device)
    chosen.scatter_reduce_(0, ends, torch.where(winning, others, num_nodes), "amin")
    return torch.where(chosen == num_nodes, torch.arange(num_nodes, device=u.device), chosen)


ROUNDS = 31  # doublings that reach past every cycle and tail of less than 2^31 nodes


def _is_open(pointer: Tensor) -> bool:
    """Whether a loop may look at values and stop early: on the CPU, where that is no synchronization."""
    return pointer.device.type == "cpu" and not torch.compiler.is_compiling()


def roots(pointer: Tensor) -> Tensor:
    """One node for each weak component of the graph v -> pointer[v], at every node of it: int64 [N].

    A component has exactly one cycle; the root is the smallest node of it. Pairs that point at each other are
    cut first, which leaves trees but where near-ties close a longer cycle. Pointer jumping then takes every
    node to its root, or onto its cycle, whose smallest node as many doublings find. On the CPU this stops as
    soon as nothing moves; elsewhere, where looking would be a synchronization, and in traces the number of
    rounds is constant.
    """
    node = torch.arange(pointer.numel(), device=pointer.device)
    mutual = pointer.index_select(0, pointer) == node
    parent = torch.where(mutual & (node < pointer), node, pointer)
    look = _is_open(parent)
    rounds = max(parent.numel() - 1, 0).bit_length() if look else ROUNDS
    above = parent
    for _ in range(rounds):
        further = above.index_select(0, above)
        if look and torch.equal(further, above):
            break  # at roots, or on cycles whose length is a power of two
        above = further
    if look and torch.equal(parent.index_select(0, above), above):
        return above
    least, step = node, parent  # the least of the next 2^k nodes; the node 2^k ahead
    for _ in range(rounds):
        least = torch.minimum(least, least.index_select(0, step))
        step = step.index_select(0, step)
    return least.index_select(0, above)


def parse(
    score: Tensor,
    u: Tensor,
    v: Tensor,
    num_nodes: int,
    own: Tensor | None = None,
    within: float | None = None,
) -> Tensor:
    """One round of graph parsing: the root of every node in the graph of best incident edges, int64 [N].

    Nodes of the same root are the weakly connected components of u -> best neighbor of u: one Borůvka round
    of a maximum-weight spanning forest. See :func:`best_neighbor` and :func:`roots`.
    """
    return roots(best_neighbor(score, u, v, num_nodes, own, within))


def parse_merge(
    score: Tensor,
    u: Tensor,
    v: Tensor,
    num_nodes: int,
    own: Tensor | None = None,
    within: float | None = None,
) -> Tensor:
    """As :func:`parse`, but a node follows all edges that tie for its best: no tie is broken, so that the
    partition does not depend on how nodes are numbered. int64 [N], the smallest node id of the cluster.
    """
    bar = _tie_bar(score, u, v, num_nodes, own, within)
    followed = (score >= bar.index_select(0, u)) | (score >= bar.index_select(0, v))
    index = positions(followed)
    return components(u.index_select(0, index), v.index_select(0, index), num_nodes)


def compress(parent: Tensor) -> Tensor:
    """The root above every node of a forest ``parent`` [N] (a root is its own parent), by pointer jumping."""
    look = _is_open(parent)
    for _ in range(max(parent.numel() - 1, 0).bit_length() if look else ROUNDS):
        above = parent.index_select(0, parent)
        if look and torch.equal(above, parent):
            break
        parent = above
    return parent


def components(u: Tensor, v: Tensor, num_nodes: int) -> Tensor:
    """The smallest node id of every node's connected component, int64 [N].

    Roots hook onto the smallest root they touch, then pointers jump; edges inside a tree leave the list.
    O(log N) rounds, each looking once whether an edge is left. In a trace it is one operator.
    """
    if torch.compiler.is_compiling():
        return _components(u, v, num_nodes)
    parent = torch.arange(num_nodes, device=u.device)
    while u.numel() > 0:
        low, high = torch.minimum(u, v), torch.maximum(u, v)
        parent = compress(parent.scatter_reduce(0, high, low, "amin"))
        u, v = parent.index_select(0, u), parent.index_select(0, v)
        index = positions(u != v)
        u, v = u.index_select(0, index), v.index_select(0, index)
    return parent


@torch.library.custom_op("gpool::components", mutates_args=())
def _components(u: Tensor, v: Tensor, num_nodes: int) -> Tensor:
    return components(u, v, num_nodes)


@_components.register_fake
def _(u: Tensor, v: Tensor, num_nodes: int) -> Tensor:
    return u.new_empty(num_nodes)


def matching(rank: Tensor, u: Tensor, v: Tensor, num_nodes: int) -> Tensor:
    """The matching that a greedy pass over the edges in order of ``rank`` would choose: ids of its edges.

    An edge that is the first at both of its ends is in the greedy matching whatever else is, so all of these
    are taken at once; edges that touch a taken node leave; repeat. O(log^2 M) rounds with high probability
    (Blelloch, Fineman and Shun, arXiv:1202.3205). Self-loops never match. In a trace it is one operator.

    Args:
        rank: place of every edge in the order, distinct int64 [M].
        u, v: end points [M].
        num_nodes: N.
    """
    if torch.compiler.is_compiling():
        return _matching(rank, u, v, num_nodes)
    last = torch.iinfo(rank.dtype).max
    taken: list[Tensor] = [rank[:0]]
    edge = positions(u != v)
    while edge.numel() > 0:
        a, b, r = u.index_select(0, edge), v.index_select(0, edge), rank.index_select(0, edge)
        first = torch.full((num_nodes,), last, dtype=rank.dtype, device=rank.device)
        first.scatter_reduce_(0, a, r, "amin").scatter_reduce_(0, b, r, "amin")
        chosen = (first.index_select(0, a) == r) & (first.index_select(0, b) == r)
        chosen = positions(chosen)
        taken.append(edge.index_select(0, chosen))
        free = torch.ones(num_nodes, dtype=torch.bool, device=rank.device)
        free[a.index_select(0, chosen)] = False
        free[b.index_select(0, chosen)] = False
        edge = edge.index_select(0, positions(free.index_select(0, a) & free.index_select(0, b)))
    return torch.cat(taken)


@torch.library.custom_op("gpool::matching", mutates_args=())
def _matching(rank: Tensor, u: Tensor, v: Tensor, num_nodes: int) -> Tensor:
    return matching(rank, u, v, num_nodes)


@_matching.register_fake
def _(rank: Tensor, u: Tensor, v: Tensor, num_nodes: int) -> Tensor:
    return rank.new_empty(torch.library.get_ctx().new_dynamic_size())


def label_clusters(root: Tensor) -> tuple[Tensor, Tensor]:
    """Roots [N] -> clusters 0..K-1 in the order of their root's id [N], and whether a node is a root [N]."""
    is_root = root == torch.arange(root.numel(), device=root.device)
    return (is_root.cumsum(0) - 1).index_select(0, root), is_root
