"""The walk profile of a target link, exactly, from two columns of the walk and a 2 x 2 power series."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.ops.csr import csr_powers
from gpool.ops.precision import widened
from gpool.ops.segment import segment_softmax, segment_sum
from gpool.ops.subgraph.record import EnclosingSubgraphs
from gpool.ops.transforms import refuse_forward_mode

__all__ = ["transition_weights", "walk_profile"]


def transition_weights(logits: Tensor, subgraphs: EnclosingSubgraphs) -> tuple[Tensor, Tensor]:
    """Transition probabilities with the target link and without it, both [E, H], from logits [E, H].

    A softmax over the edges that end in a node, once over all of them and once over those that are not
    the target's; the target's own weigh zero in the second, and a node left with no edge has a row of zeros.
    The largest logit is taken over the edges that are kept, so no probability is lost however much the
    target's logit exceeds the others.
    """
    refuse_forward_mode("transition_weights", logits)
    subgraphs.check()
    nodes, destination = subgraphs.num_nodes, subgraphs.edge_index[1]
    plus = segment_softmax(logits, destination, dim_size=nodes)
    kept = torch.where(subgraphs.is_target, nodes, destination)
    minus = segment_softmax(logits, kept, dim_size=nodes + 1)
    return plus, minus.masked_fill(subgraphs.is_target.unsqueeze(-1), 0.0)


def _taken(at_ends: Tensor, own: Tensor, subgraphs: EnclosingSubgraphs) -> Tensor:
    """What M+ gives to the target link, of the rows i and j: [H, B, 2] from logits [F, H]."""
    slots = 2 * subgraphs.num_graphs
    share = segment_softmax(at_ends, subgraphs.end_slot, dim_size=slots).masked_fill(~own, 0.0)
    return segment_sum(share, subgraphs.end_slot, dim_size=slots).t().unflatten(1, (-1, 2))


def _divide(numerator: Tensor, divisor: Tensor) -> Tensor:
    """S(z) A(z)^-1 for 2 x 2 series S [..., K, 2, 2] and A [..., K, 2, 2] with A_0 = 1, cut at z^(K - 1).

    X A = S is one triangular system, A in it as a block Toeplitz matrix.
    """
    terms = divisor.size(-3)
    k = torch.arange(terms, device=divisor.device)
    lag = k.view(1, -1) - k.view(-1, 1)
    blocks = divisor[..., lag.clamp(min=0), :, :].masked_fill((lag < 0).view(terms, terms, 1, 1), 0.0)
    system = blocks.transpose(-3, -2).flatten(-4, -3).flatten(-2)  # [..., 2K, 2K]
    rows = numerator.transpose(-3, -2).flatten(-2)  # [..., 2, 2K]
    solved = torch.linalg.solve_triangular(system, rows, upper=True, left=False, unitriangular=True)
    return solved.unflatten(-1, (terms, 2)).transpose(-3, -2)


def walk_profile(logits: Tensor, subgraphs: EnclosingSubgraphs, walk_length: int) -> Tensor:
    """Closed walks, walks between the ends and the change of the trace, for walks of 2 .. L + 1 steps.

    From Pan, Shi, Dokmanic, "Neural Link Prediction with Walk Pooling" (arXiv:2110.04375). With M the
    transition matrix (a softmax of ``logits`` over the edges that end in a node), with the target link
    {i, j} (+) and without it (-), for every target and head:

        graph  tr(M+^k) - tr(M-^k)
        omega  sigmoid(logit of i -> j) + sigmoid(logit of j -> i)      (no k)
        node   (M^k)_ii + (M^k)_jj,  with (+) and without (-)
        link   (M^k)_ij + (M^k)_ji,  with (+) and without (-)

    No matrix power is formed. With T = diag(t_i, t_j) what M+ gives to the target link in its two rows, and P
    the swap of i and j, these rows of M+ - M- are T (P [e_i e_j]^T - [e_i e_j]^T M-). One walk of two columns
    M-^k [e_i e_j] gives g_k, its rows i and j; with c_k = T (P g_k - g_(k+1)) and the 2 x 2 series
    A(z) = 1 - z c(z),

        blocks of M+^k at i, j     = coefficients of g(z) A(z)^-1                 (Woodbury)
        tr(M+^k) - tr(M-^k)        = coefficients of -tr(A'(z) A(z)^-1)           (determinant lemma)

    so time and memory grow with H L E.

    Shape:
        - **logits** [E, H], one per edge of the graph with the target link, in the order of
          ``subgraphs.edge_index``;
        - output [B, H (5 L + 1)]: the blocks graph, omega, node+, node-, link+, link-, each head by head.

    Nodes that reach neither i nor j change nothing. Without any subgraph the output has no row; a subgraph
    of i and j alone and their link has all its (-) features zero. Logits of half precision are walked in
    float32.

    Raises:
        ValueError: walk_length < 1, logits that are not [E, H], a record that is not sound.
        NotImplementedError: forward-mode derivatives (``torch.func.jvp``).

    >>> import torch
    >>> from gpool.ops.subgraph.record import EnclosingSubgraphs
    >>> pair = EnclosingSubgraphs.from_edges(torch.tensor([[0, 1], [1, 0]]), torch.tensor([True, True]))
    >>> walk_profile(torch.zeros(2, 1), pair, walk_length=2).tolist()  # they only walk to each other
    [[2.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0]]
    """
    if walk_length < 1:
        raise ValueError(f"walk_length={walk_length} must be at least 1")
    refuse_forward_mode("walk_profile", logits)
    subgraphs.check()
    edges, graphs, nodes = subgraphs.num_edges, subgraphs.num_graphs, subgraphs.num_nodes
    if logits.dim() != 2 or logits.size(0) != edges:
        raise ValueError(f"logits of shape {tuple(logits.shape)} must be [{edges}, heads], one row per edge")
    logits = widened(logits)
    heads, steps = logits.size(1), walk_length + 1

    pattern = subgraphs.pattern(heads)  # one graph of H N nodes
    by_head = logits.t()  # [H, E]
    kept = by_head.masked_fill(subgraphs.is_target, -torch.inf)
    minus = segment_softmax(kept.reshape(-1), ptr=pattern.rowptr.long(), dim_size=heads * nodes)
    start = minus.new_zeros(heads, nodes, 2)
    start[:, subgraphs.target[:, 0], 0] = 1.0
    start[:, subgraphs.target[:, 1], 1] = 1.0
    states = csr_powers(pattern, minus, start.view(-1, 2), steps).view(steps + 1, heads, nodes, 2)
    g = states.index_select(2, subgraphs.target.reshape(-1)).view(steps + 1, heads, graphs, 2, 2)

    at_ends = by_head.index_select(1, subgraphs.end_edge).t()  # [F, H]
    own = subgraphs.is_target[subgraphs.end_edge].unsqueeze(-1)
    c = _taken(at_ends, own, subgraphs).unsqueeze(-1) * (g[:-1].flip(-2) - g[1:])
    omega = segment_sum(at_ends.sigmoid().masked_fill(~own, 0.0), subgraphs.end_slot // 2, dim_size=graphs)

    identity = torch.eye(2, dtype=c.dtype, device=c.device).expand(1, heads, graphs, 2, 2)
    series = torch.cat([identity, -c]).permute(2, 1, 0, 3, 4)  # [B, H, steps + 1, 2, 2]
    power = torch.arange(1, steps + 1, dtype=c.dtype, device=c.device).view(-1, 1, 1)
    derivative = torch.nn.functional.pad(series[:, :, 1:] * -power, (0, 0, 0, 0, 0, 1))
    without_link = g.permute(2, 1, 0, 3, 4)
    divided = _divide(torch.stack([without_link, derivative]), series.expand(2, *series.shape))
    with_link, trace = divided[0][:, :, 2:], divided[1][:, :, 1:-1]
    without_link = without_link[:, :, 2:]

    def closed(m: Tensor) -> Tensor:
        return (m[..., 0, 0] + m[..., 1, 1]).flatten(1)

    def across(m: Tensor) -> Tensor:
        return (m[..., 0, 1] + m[..., 1, 0]).flatten(1)

    return torch.cat(
        [
            closed(trace),
            omega,
            closed(with_link),
            closed(without_link),
            across(with_link),
            across(without_link),
        ],
        dim=1,
    )
