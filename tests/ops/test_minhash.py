"""Sketches: those of a ball are exactly those of its nodes together; the estimates are near the truth."""

from __future__ import annotations

import pytest
import torch

from gpool.ops.minhash import cardinality, grow, jaccard, registers, signatures


def balls(edges: torch.Tensor, nodes: int, hops: int) -> list[set[int]]:
    """The nodes within some hops of every node, by a search."""
    beside = [{v} for v in range(nodes)]
    for a, b in edges.t().tolist():
        beside[b].add(a)
    out = [{v} for v in range(nodes)]
    for _ in range(hops):
        out = [set().union(*(beside[u] for u in held)) for held in out]
    return out


def test_a_ball_has_the_sketch_of_its_nodes() -> None:
    edges = torch.randint(40, (2, 60), generator=torch.Generator().manual_seed(0))
    edges = torch.cat([edges, edges.flip(0)], 1)
    first_sign, first_register = sign, register = signatures(40, 8), registers(40, 16)
    for hops in (1, 2, 3):
        sign, register = grow(sign, edges, False), grow(register, edges, True)
        for v, held in enumerate(balls(edges, 40, hops)):
            assert torch.equal(sign[v], first_sign[list(held)].amin(0))
            assert torch.equal(register[v], first_register[list(held)].amax(0))


@pytest.mark.parametrize("size", [3, 40, 400, 20_000])
def test_numbers_of_elements(size: int) -> None:
    """Within 4 standard errors of 1.04 / sqrt(1024), over three seeds."""
    for seed in range(3):
        found = float(cardinality(registers(size, 1024, seed).amax(0)))
        assert abs(found / size - 1) < 4 * 1.04 / 32


def test_shares_of_common_elements() -> None:
    sign = signatures(300, 4096)
    left, right = sign[:200].amin(0), sign[100:].amin(0)
    assert abs(float(jaccard(left, right)) - 1 / 3) < 4 * (2 / 9 / 4096) ** 0.5
    assert float(jaccard(left, left)) == 1.0
    with pytest.raises(ValueError, match="size=48 of the registers must be a power of two"):
        registers(3, 48)
