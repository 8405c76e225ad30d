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


def _change(logits: Tensor, plus: Tensor, subgraphs: EnclosingSubgraphs) -> Tensor:
    """Rows i and j of M+ - M-, at the edges that end in i or j: [F, H].

    With t the probability that M+ gives to the target's edges of a row, M+ = (1 - t) M- on the others,
    so the difference is -t M- there: no subtraction.
    """
    slots = 2 * subgraphs.num_graphs
    mine = subgraphs.is_target[subgraphs.end_edge].unsqueeze(-1)  # [F, 1]
    kept = torch.where(mine.squeeze(-1), slots, subgraphs.end_slot)
    minus = segment_softmax(logits, kept, dim_size=slots + 1)
    taken = segment_sum(plus.masked_fill(~mine, 0.0), subgraphs.end_slot, dim_size=slots)  # [2B, H]
    return torch.where(mine, plus, -minus * taken.index_select(0, subgraphs.end_slot))


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

    No matrix power is formed. M- = M+ - [e_i e_j] R, R non-zero only where an edge ends in i or j. One walk
    of two columns V_k = M+^k [e_i e_j] gives g_k, its rows i and j, and c_k = R V_k; with the 2 x 2 series
    A(z) = 1 + z c(z),

        blocks of M-^k at i, j     = coefficients of g(z) A(z)^-1                 (Woodbury)
        tr(M+^k) - tr(M-^k)        = coefficients of tr(A'(z) A(z)^-1)            (determinant lemma)

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
    plus = segment_softmax(by_head.reshape(-1), ptr=pattern.rowptr.long(), dim_size=heads * nodes)
    at_ends = by_head.index_select(1, subgraphs.end_edge).t()  # [F, H]
    change = _change(at_ends, plus.view(heads, edges).index_select(1, subgraphs.end_edge).t(), subgraphs)

    start = plus.new_zeros(heads, nodes, 2)
    start[:, subgraphs.target[:, 0], 0] = 1.0
    start[:, subgraphs.target[:, 1], 1] = 1.0
    states = csr_powers(pattern, plus, start.view(-1, 2), steps).view(steps + 1, heads, nodes, 2)

    g = states.index_select(2, subgraphs.target.reshape(-1)).view(steps + 1, heads, graphs, 2, 2)
    source = subgraphs.edge_index[0].index_select(0, subgraphs.end_edge)
    moved = states[:-1].index_select(2, source) * change.t().unsqueeze(-1)  # [steps, H, F, 2]
    c = segment_sum(moved, subgraphs.end_slot, dim_size=2 * graphs, dim=2).view(steps, heads, graphs, 2, 2)

    identity = torch.eye(2, dtype=c.dtype, device=c.device).expand(1, heads, graphs, 2, 2)
    series = torch.cat([identity, c]).permute(2, 1, 0, 3, 4)  # [B, H, steps + 1, 2, 2]
    power = torch.arange(1, steps + 1, dtype=c.dtype, device=c.device).view(-1, 1, 1)
    derivative = torch.nn.functional.pad(series[:, :, 1:] * power, (0, 0, 0, 0, 0, 1))
    with_link = g.permute(2, 1, 0, 3, 4)
    divided = _divide(torch.stack([with_link, derivative]), series.expand(2, *series.shape))
    without_link, trace = divided[0][:, :, 2:], divided[1][:, :, 1:-1]
    with_link = with_link[:, :, 2:]

    own = subgraphs.is_target[subgraphs.end_edge].unsqueeze(-1)
    omega = segment_sum(at_ends.sigmoid().masked_fill(~own, 0.0), subgraphs.end_slot // 2, dim_size=graphs)

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
