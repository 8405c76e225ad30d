"""Hashes of edges: a missing direction is seen, and coins are fair and the same in both directions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, both_ways

from gpool.ops.partition.edge_hash import asymmetry, edge_coins


@settings(max_examples=30, deadline=None)
@given(batches(loops=True, parallel=True), st.integers(0, 99))
def test_asymmetry_sees_a_missing_direction(graph: Batch, seed: int) -> None:
    assert int(asymmetry(graph.edge_index, graph.x.size(0))) == 0
    if graph.undirected:
        missing = seed % len(graph.undirected)
        keep = torch.arange(graph.edge_index.size(1)) != missing
        assert int(asymmetry(graph.edge_index[:, keep], graph.x.size(0))) != 0


def test_directed_cycle_is_asymmetric() -> None:
    assert int(asymmetry(torch.tensor([[0, 1, 2], [1, 2, 0]]), 3)) != 0


@pytest.mark.parametrize("chance", [0.1, 0.5, 0.9])
def test_coins_are_symmetric_and_fair(chance: float) -> None:
    once = torch.combinations(torch.arange(200))
    coins = edge_coins(both_ways(once.tolist()), chance)
    half = once.size(0)
    assert torch.equal(coins[:half], coins[half:])
    share = coins[:half].double().mean().item()
    assert abs(share - chance) < 5 * (chance * (1 - chance) / half) ** 0.5
    again = edge_coins(both_ways(once.tolist()), chance)
    agree = (coins == again).double().mean().item()
    assert abs(agree - (chance**2 + (1 - chance) ** 2)) < 0.02  # a new seed draws independent coins
