"""The walk profile against dense powers, the published numbers and the properties P1 to P12."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import forward_ad

from gpool.ops.subgraph.record import EnclosingSubgraphs
from gpool.ops.subgraph.walk_profile import transition_weights, walk_profile

sys.path.insert(0, str(Path(__file__).parents[2] / "link"))
from walk_oracle import profile, transition


def pair(edges: list[tuple[int, int]], target: tuple[int, int], nodes: int) -> tuple[Tensor, Tensor, int]:
    """Edges in both directions, the target's last; undirected edges without the target."""
    both = [e for u, v in edges for e in ((u, v), (v, u))] + [target, target[::-1]]
    mine = torch.zeros(len(both), dtype=torch.bool)
    mine[-2:] = True
    return torch.tensor(both).t(), mine, nodes


def joined(parts: list[tuple[Tensor, Tensor, int]], order: Tensor | None = None) -> tuple[Tensor, ...]:
    """Edges, masks and batch of several subgraphs, the edges in the given order."""
    shift, edges, masks, batch = 0, [], [], []
    for b, (edge_index, mine, nodes) in enumerate(parts):
        edges.append(edge_index + shift)
        masks.append(mine)
        batch += [b] * nodes
        shift += nodes
    every, mask = torch.cat(edges, 1), torch.cat(masks)
    if order is not None:
        every, mask = every[:, order], mask[order]
    return every, mask, torch.tensor(batch)


def join(parts: list[tuple[Tensor, Tensor, int]], order: Tensor | None = None) -> EnclosingSubgraphs:
    """One record of several subgraphs."""
    return EnclosingSubgraphs.from_edges(*joined(parts, order))


def sorting(parts: list[tuple[Tensor, Tensor, int]], order: Tensor | None = None) -> Tensor:
    """Where the edges of the record come from."""
    return joined(parts, order)[0][1].argsort(stable=True)


def expected(logits: Tensor, parts: list[tuple[Tensor, Tensor, int]], walk_length: int) -> Tensor:
    """The oracle; logits in the order of the parts' edges."""
    rows, first = [], 0
    for edge_index, mine, nodes in parts:
        ends = edge_index[:, mine]
        mine_logits = logits[first : first + mine.numel()]
        rows.append(
            profile(mine_logits, edge_index, mine, (int(ends.min()), int(ends.max())), nodes, walk_length)
        )
        first += mine.numel()
    return torch.stack(rows)


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[Tensor, Tensor, int]]:
    """Subgraphs with isolated nodes, several components, bridges, self-loops and parallel edges."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        nodes = draw(st.integers(2, 7))
        every = [(u, v) for u in range(nodes) for v in range(u + 1, nodes) if (u, v) != (0, nodes - 1)]
        edges = draw(st.lists(st.sampled_from(every), unique=True)) if every else []
        edge_index, mine, _ = pair(edges, (0, nodes - 1), nodes)
        if draw(st.booleans()):  # a self-loop, and an edge twice
            more = [(1 % nodes, 1 % nodes)] + ([edges[0], edges[0][::-1]] if edges else [])
            edge_index = torch.cat([torch.tensor(more).t(), edge_index], 1)
            mine = torch.cat([torch.zeros(len(more), dtype=torch.bool), mine])
        parts.append((edge_index, mine, nodes))
    return parts


@settings(max_examples=40, deadline=None)
@given(
    parts=graphs(),
    seed=st.integers(0, 1000),
    heads=st.integers(1, 3),
    length=st.integers(1, 8),
    peak=st.sampled_from([0.0, 1.0, 8.0]),
)
def test_equals_dense_powers(parts, seed, heads, length, peak) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = peak * torch.randn(
        sum(p[1].numel() for p in parts), heads, generator=generator, dtype=torch.double
    )
    order = torch.randperm(logits.size(0), generator=generator)
    record = join(parts, order)
    found = walk_profile(logits[order][sorting(parts, order)], record, length)
    torch.testing.assert_close(found, expected(logits, parts, length), rtol=0, atol=1e-10)


SHAPES = {
    "triangle and tail": ([(0, 1), (1, 2), (2, 3)], (0, 2), 4),
    "two nodes": ([], (0, 1), 2),
    "target is the only edge of one end": ([(1, 2), (2, 3), (1, 3)], (0, 1), 4),
    "ends in two components": ([(0, 1), (2, 3), (3, 4)], (0, 3), 5),
    "a component with neither end": ([(0, 1), (1, 2), (3, 4)], (0, 2), 5),
}


@pytest.mark.parametrize("name", SHAPES)
def test_gradients(name: str) -> None:
    part = pair(*SHAPES[name])
    record = join([part, pair(*SHAPES["two nodes"])])
    logits = torch.randn(record.num_edges, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: walk_profile(a, record, 4), logits)


def test_second_derivative() -> None:
    record = join([pair(*SHAPES["triangle and tail"])])
    logits = torch.randn(record.num_edges, 1, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda a: walk_profile(a, record, 3), logits)


def test_gradient_equals_that_of_dense_powers() -> None:
    parts = [pair(*SHAPES[name]) for name in SHAPES]
    record = join(parts)
    total = sum(p[1].numel() for p in parts)
    first, second = (
        torch.randn(total, 2, dtype=torch.double, generator=torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    weight = torch.randn(len(parts), 2 * 36, dtype=torch.double)
    for logits, out in (
        (first.requires_grad_(), walk_profile(first[sorting(parts)], record, 7)),
        (second.requires_grad_(), expected(second, parts, 7)),
    ):
        (out * weight).sum().backward()
        assert logits.grad is not None
    torch.testing.assert_close(first.grad, second.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("spread", [1.0, 8.0])
def test_float32(spread: float) -> None:
    """Within 1e-5 of float64 for flat and very peaked attention, the target's logit far from the others."""
    generator = torch.Generator().manual_seed(0)
    for shift in (-10.0, 0.0, 15.0):
        nodes = 30
        edges = [
            (u, v)
            for u in range(nodes)
            for v in range(u + 1, nodes)
            if (u + 3 * v) % 7 == 0 and (u, v) != (0, 1)
        ]
        record = join([pair(edges, (0, 1), nodes)])
        logits = spread * torch.randn(record.num_edges, 2, generator=generator, dtype=torch.double)
        logits[record.is_target] += shift
        difference = walk_profile(logits.float(), record, 7) - walk_profile(logits, record, 7)
        assert difference.abs().max() < 1e-5


def published(record: EnclosingSubgraphs, case: dict) -> Tensor:
    logits = torch.full((record.num_edges, 1), float(case["other_logits"]), dtype=torch.double)
    logits[record.is_target] = case["candidate_logit"]
    return logits


def test_stability_file(golden) -> None:
    """The correct values, which the published code misses when the target's logit is 30 above the others."""
    held = golden("walkpool_stability.json")
    record = EnclosingSubgraphs.from_edges(
        torch.tensor(held["edge_index"]), ~torch.tensor(held["edge_is_context"])
    )
    for case in held["cases"]:
        found = walk_profile(published(record, case), record, held["walk_len"])
        torch.testing.assert_close(
            found[0], torch.tensor(case["correct_output"], dtype=torch.double), rtol=0, atol=1e-10
        )


@pytest.mark.parametrize("logit", [0.0, 30.0, 40.0, 800.0])
def test_no_mass_is_lost_beside_a_large_target_logit(logit: float) -> None:
    """The same graph without the file: the rows of M- sum to one whatever the target's logit."""
    record = join([pair([(0, 1), (1, 2), (0, 2), (2, 3)], (0, 3), 4)])
    for dtype in (torch.float, torch.double):
        logits = torch.zeros(record.num_edges, 1, dtype=dtype)
        logits[record.is_target] = logit
        minus = transition_weights(logits, record)[1]
        rows = torch.zeros(4, dtype=dtype).index_add(0, record.edge_index[1], minus[:, 0])
        torch.testing.assert_close(rows, torch.ones(4, dtype=dtype))
        found = walk_profile(logits, record, 4)[0]
        assert found.isfinite().all()
        low = torch.zeros(record.num_edges, 1, dtype=dtype)  # M- does not know the target's logit
        for block in (slice(9, 13), slice(17, 21)):
            torch.testing.assert_close(
                found[block], walk_profile(low, record, 4)[0][block], rtol=0, atol=1e-5
            )


def split(out: Tensor, heads: int, length: int) -> dict[str, Tensor]:
    names, widths = (
        ("graph", "omega", "node+", "node-", "link+", "link-"),
        [heads * length, heads] + 4 * [heads * length],
    )
    return {n: x.view(out.size(0), heads, -1) for n, x in zip(names, out.split(widths, 1), strict=True)}


RING = pair([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (1, 4)], (0, 2), 6)


def run(
    part: tuple[Tensor, Tensor, int], length: int = 6, heads: int = 2, spread: float = 1.0
) -> dict[str, Tensor]:
    record = join([part])
    logits = spread * torch.randn(
        record.num_edges, heads, dtype=torch.double, generator=torch.Generator().manual_seed(5)
    )
    return split(walk_profile(logits, record, length), heads, length)


def test_p1_relabeling_edge_order_swap() -> None:
    edge_index, mine, nodes = RING
    logits = torch.randn(mine.numel(), 2, dtype=torch.double)
    base = expected(logits, [RING], 5)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        order, names = (
            torch.randperm(mine.numel(), generator=generator),
            torch.randperm(nodes, generator=generator),
        )
        record = EnclosingSubgraphs.from_edges(names[edge_index][:, order], mine[order])
        torch.testing.assert_close(
            walk_profile(logits[order][names[edge_index][1, order].argsort(stable=True)], record, 5),
            base,
            rtol=0,
            atol=1e-12,
        )
    torch.manual_seed(0)
    both = join([RING, pair(*SHAPES["two nodes"])]), join([pair(*SHAPES["two nodes"]), RING])
    a = walk_profile(torch.zeros(both[0].num_edges, 1), both[0], 3)
    b = walk_profile(torch.zeros(both[1].num_edges, 1), both[1], 3)
    torch.testing.assert_close(a, b.flip(0))


def test_p2_batch_independence() -> None:
    parts = [RING, *(pair(*shape) for shape in SHAPES.values())]
    logits = torch.randn(sum(p[1].numel() for p in parts), 2, dtype=torch.double)
    together = join(parts)
    found = walk_profile(logits[sorting(parts)], together, 6)
    first = 0
    for row, part in zip(found, parts, strict=True):
        alone = join([part])
        own = walk_profile(logits[first : first + part[1].numel()][sorting([part])], alone, 6)[0]
        torch.testing.assert_close(row, own, rtol=0, atol=1e-13)
        first += part[1].numel()


def test_p3_rows_sum_to_one() -> None:
    record = join([pair(*SHAPES["target is the only edge of one end"])])
    logits = 5 * torch.randn(record.num_edges, 2, dtype=torch.double)
    plus, minus = transition_weights(logits, record)
    rows = [
        torch.zeros(4, 2, dtype=torch.double).index_add(0, record.edge_index[1], w) for w in (plus, minus)
    ]
    torch.testing.assert_close(rows[0], torch.ones(4, 2, dtype=torch.double))
    torch.testing.assert_close(rows[1][1:], torch.ones(3, 2, dtype=torch.double))
    assert rows[1][0].tolist() == [0.0, 0.0]


def test_p4_a_constant_at_one_node_changes_omega_alone() -> None:
    record = join([RING])
    logits = torch.randn(record.num_edges, 2, dtype=torch.double)
    shifted = logits + 3.0 * (record.edge_index[1] == 2).double().unsqueeze(1)
    a, b = (split(walk_profile(x, record, 6), 2, 6) for x in (logits, shifted))
    for name in a:
        if name != "omega":
            torch.testing.assert_close(a[name], b[name], rtol=0, atol=1e-12)
    assert (a["omega"] - b["omega"]).abs().min() > 1e-3


def test_p5_uniform() -> None:
    record = join([RING])
    logits = torch.zeros(record.num_edges, 3, dtype=torch.double)
    assert split(walk_profile(logits, record, 4), 3, 4)["omega"].flatten().tolist() == [1.0] * 3
    plus = transition_weights(logits, record)[0]
    degree = torch.bincount(record.edge_index[1]).double()
    torch.testing.assert_close(plus[:, 0], 1 / degree[record.edge_index[1]])


def test_p6_two_nodes() -> None:
    out = run(pair([], (0, 1), 2), length=6)
    even = torch.tensor([2.0, 0.0] * 3, dtype=torch.double).expand(1, 2, 6)  # walks of 2, 3, 4, ... steps
    for name, value in {
        "graph": even,
        "node+": even,
        "link+": 2 - even,
        "node-": 0 * even,
        "link-": 0 * even,
    }.items():
        torch.testing.assert_close(out[name], value, rtol=0, atol=1e-12)


def test_p7_bridge() -> None:
    out = run(pair([(0, 1), (1, 2), (0, 2), (3, 4), (4, 5)], (2, 3), 6))
    assert out["link-"].abs().max() < 1e-14
    assert out["link+"][..., 1:].min() > 0  # three steps, not two, lead from end to end


@pytest.mark.parametrize(("target", "silent"), [((0, 3), 0), ((0, 2), 1)])
def test_p8_bipartite(target: tuple[int, int], silent: int) -> None:
    """An even ring: no odd closed walk; between opposite sides no even walk, on one side no odd one."""
    out = run(pair([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)], target, 6))
    assert out["node-"][..., 1::2].abs().max() < 1e-14
    assert out["link-"][..., silent::2].abs().max() < 1e-14
    assert out["link-"][..., 1 - silent :: 2].max() > 0


def test_p9_other_components_do_not_matter() -> None:
    edge_index, mine, nodes = RING
    other = torch.tensor([[6, 7, 7, 8, 8, 6], [7, 6, 8, 7, 6, 8]])
    more = (torch.cat([edge_index, other], 1), torch.cat([mine, torch.zeros(6, dtype=torch.bool)]), nodes + 3)
    logits = torch.randn(mine.numel() + 6, 1, dtype=torch.double)
    large, small = join([more]), join([RING])
    torch.testing.assert_close(
        walk_profile(logits[sorting([more])], large, 6), walk_profile(logits[sorting([RING])], small, 6)
    )


@settings(max_examples=20, deadline=None)
@given(parts=graphs(), seed=st.integers(0, 1000))
def test_p10_bounds(parts, seed) -> None:
    record = join(parts)
    logits = 3 * torch.randn(
        record.num_edges, 2, dtype=torch.double, generator=torch.Generator().manual_seed(seed)
    )
    out = split(walk_profile(logits, record, 7), 2, 7)
    for sign in "+-":
        node, link = out["node" + sign], out["link" + sign]
        assert node.min() >= -1e-12
        assert link.min() >= -1e-12
        assert (node + link).max() <= 2 + 1e-12
    assert out["omega"].min() > 0
    assert out["omega"].max() < 2


def test_p11_a_target_that_is_never_taken() -> None:
    record = join([RING])
    logits = torch.randn(record.num_edges, 2, dtype=torch.double)
    for low in (-60.0, -torch.inf):
        logits[record.is_target] = low
        out = split(walk_profile(logits, record, 6), 2, 6)
        assert out["graph"].abs().max() < 1e-12
        torch.testing.assert_close(out["node+"], out["node-"], rtol=0, atol=1e-12)
        torch.testing.assert_close(out["link+"], out["link-"], rtol=0, atol=1e-12)


def test_p12_only_the_rows_of_the_ends_differ() -> None:
    edge_index, mine, nodes = RING
    logits = torch.randn(mine.numel(), 1, dtype=torch.double)
    record = join([RING])
    plus, minus = transition_weights(logits[sorting([RING])], record)
    differ = set(record.edge_index[1][(plus != minus)[:, 0]].tolist())
    assert differ == {0, 2}
    dense = [torch.zeros(nodes, nodes, dtype=torch.double) for _ in range(2)]
    for matrix, weight in zip(dense, (plus, minus), strict=True):
        matrix.index_put_((record.edge_index[1], record.edge_index[0]), weight[:, 0], accumulate=True)
    torch.testing.assert_close(dense[0], transition(logits[:, 0], edge_index, torch.ones_like(mine), nodes))
    torch.testing.assert_close(dense[1], transition(logits[:, 0], edge_index, ~mine, nodes))


def test_parallel_target_edges_are_one_link_of_several_edges() -> None:
    edges = torch.tensor([[0, 1, 0, 1, 1, 2, 0, 2], [1, 0, 1, 0, 2, 1, 2, 0]])
    mine = torch.tensor([True] * 4 + [False] * 4)
    record = EnclosingSubgraphs.from_edges(edges, mine)
    logits = torch.randn(8, 1, dtype=torch.double)
    torch.testing.assert_close(
        walk_profile(logits[edges[1].argsort(stable=True)], record, 5),
        expected(logits, [(edges, mine, 3)], 5),
    )


def test_no_subgraph_and_half_precision() -> None:
    empty = torch.zeros(2, 0, dtype=torch.long)
    none = EnclosingSubgraphs.from_edges(empty, empty[0].bool())
    assert walk_profile(torch.zeros(0, 2), none, 7).shape == (0, 72)
    record = join([RING])
    logits = torch.randn(record.num_edges, 1)
    assert walk_profile(logits.bfloat16(), record, 7).dtype == torch.float32


def test_errors() -> None:
    record = join([RING])
    with pytest.raises(ValueError, match=r"walk_length=0 must be at least 1"):
        walk_profile(torch.zeros(record.num_edges, 1), record, 0)
    with pytest.raises(ValueError, match=r"logits of shape \(3, 1\) must be \[16, heads\]"):
        walk_profile(torch.zeros(3, 1), record, 2)
    two = [[0, 1], [1, 0]]
    cases = [
        ([*two[:1], [1, 2]], [True, True], None, "one direction only|more than one"),
        (two, [False, False], None, "subgraph 0 has no target edge"),
        ([[0, 1, 1, 2], [1, 0, 2, 1]], [True] * 4, None, "more than one pair"),
        ([[0, 0], [0, 0]], [True, True], None, "from a node to itself"),
        ([[0, 1], [1, 5]], [True, True], [0, 0], "holds node 5"),
        ([[0, 2], [2, 0]], [True, True], [0, 0, 1], "joins two subgraphs"),
    ]
    for edges, mine, batch, message in cases:
        with pytest.raises(ValueError, match=message):
            EnclosingSubgraphs.from_edges(
                torch.tensor(edges), torch.tensor(mine), None if batch is None else torch.tensor(batch)
            )
    with pytest.raises(ValueError, match="is_target of shape"):
        EnclosingSubgraphs.from_edges(torch.tensor(two), torch.tensor([1, 1]))


def test_forward_mode_is_refused() -> None:
    record = join([RING])
    logits = torch.randn(record.num_edges, 1)
    for name, function in (
        ("walk_profile", lambda x: walk_profile(x, record, 2)),
        ("transition_weights", lambda x: transition_weights(x, record)[1]),
    ):
        with pytest.raises(NotImplementedError, match=f"{name} has no forward-mode derivatives"):
            torch.func.jvp(function, (logits,), (logits,))
        with (
            forward_ad.dual_level(),
            pytest.raises(NotImplementedError, match=f"{name} has no forward-mode derivatives"),
        ):
            function(forward_ad.make_dual(logits, logits))


def test_reverse_mode_of_torch_func() -> None:
    record = join([RING])
    logits = torch.randn(record.num_edges, 1, dtype=torch.double, requires_grad=True)
    weight = torch.randn(1, 11, dtype=torch.double)

    def total(x: Tensor) -> Tensor:
        return (walk_profile(x, record, 2) * weight).sum()

    torch.testing.assert_close(torch.func.grad(total)(logits), torch.autograd.grad(total(logits), logits)[0])
