"""The layer against the published numbers, and what every use of it relies on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from walk_oracle import profile

import gpool
from gpool.ops.subgraph.record import EnclosingSubgraphs

NAMES = {"key": "src", "query": "dst"}


def load(layer: gpool.WalkPool, params: dict) -> None:
    state = {
        f"{role}.{k}.{part}": torch.tensor(params[f"{prefix}_lin{n}_{part}"], dtype=torch.double)
        for role, prefix in NAMES.items()
        for k, n in ((0, 1), (3, 2))
        for part in ("weight", "bias")
    }
    layer.load_state_dict(state)


@pytest.mark.parametrize("name", ["walkpool_core_single.json", "walkpool_core_uniform.json"])
def test_golden(golden, name: str) -> None:
    case = golden(name)
    layer = (
        gpool.WalkPool(
            case["in_channels"],
            hidden_channels=case["hidden_channels"],
            heads=case["heads"],
            walk_length=case["walk_len"],
        )
        .double()
        .eval()
    )
    load(layer, case["params"])
    record = EnclosingSubgraphs.from_edges(
        torch.tensor(case["edge_index"]), ~torch.tensor(case["edge_is_context"]), torch.tensor(case["batch"])
    )
    assert record.target.tolist() == case["target_pairs"]
    x = torch.tensor(case["x"], dtype=torch.double, requires_grad=True)
    logits = torch.tensor(case["attention_logits"], dtype=torch.double)[
        torch.tensor(case["edge_index"])[1].argsort(stable=True)
    ]
    torch.testing.assert_close(layer.attention(x, record), logits, rtol=0, atol=1e-10)
    out = layer(x, record)
    torch.testing.assert_close(out, torch.tensor(case["output"], dtype=torch.double), rtol=0, atol=1e-10)
    if "grad" in case:
        k = torch.arange(out.numel(), dtype=torch.double).view_as(out)
        loss = (torch.sin(1 + 0.9 * 11 + 0.7 * k) * out).sum()
        loss.backward()
        assert abs(loss.item() - case["grad"]["loss"]) < 1e-10
        torch.testing.assert_close(
            x.grad, torch.tensor(case["grad"]["d_x"], dtype=torch.double), rtol=0, atol=1e-10
        )
        for role, prefix in NAMES.items():
            for position, number in ((0, 1), (3, 2)):
                for part in ("weight", "bias"):
                    found = getattr(getattr(layer, role)[position], part).grad
                    right = torch.tensor(
                        case["grad"]["d_params"][f"{prefix}_lin{number}_{part}"], dtype=torch.double
                    )
                    torch.testing.assert_close(found, right, rtol=0, atol=1e-10)


def record_and_features() -> tuple[EnclosingSubgraphs, Tensor]:
    edges = torch.tensor(
        [[0, 1, 1, 2, 2, 3, 0, 3, 4, 5, 4, 6, 5, 6], [1, 0, 2, 1, 3, 2, 3, 0, 5, 4, 6, 4, 6, 5]]
    )
    mine = torch.tensor([False] * 6 + [True] * 2 + [True] * 2 + [False] * 4)
    record = EnclosingSubgraphs.from_edges(edges, mine, torch.tensor([0] * 4 + [1] * 3))
    return record, torch.randn(7, 5, dtype=torch.double)


def test_equals_dense_powers_of_its_own_attention() -> None:
    """Without the golden files: attention is the scaled dot product of key(source) and query(destination)."""
    record, z = record_and_features()
    layer = gpool.WalkPool(5, hidden_channels=3, heads=2, walk_length=4).double().eval()
    key, query = layer.key(z).view(7, 2, 3), layer.query(z).view(7, 2, 3)
    source, destination = record.edge_index
    logits = torch.stack(
        [(key[u] * query[v]).sum(-1) / 3**0.5 for u, v in zip(source, destination, strict=True)]
    )
    torch.testing.assert_close(layer.attention(z, record), logits)
    rows = []
    for b in range(2):
        inside = record.batch[source] == b
        pair = tuple(record.target[b].tolist())
        rows.append(
            profile(logits[inside], record.edge_index[:, inside], record.is_target[inside], pair, 7, 4)
        )
    torch.testing.assert_close(layer(z, record), torch.stack(rows))


def test_gradcheck() -> None:
    record, z = record_and_features()
    layer = gpool.WalkPool(5, hidden_channels=2, heads=2, walk_length=3).double().eval()
    assert torch.autograd.gradcheck(lambda x: layer(x, record), z.requires_grad_())
    layer(z, record).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in layer.parameters())


def test_public_face() -> None:
    layer = gpool.WalkPool(64, hidden_channels=32, heads=2, walk_length=7)
    assert layer.out_channels == 72
    assert repr(layer) == "WalkPool(64, 72, hidden_channels=32, heads=2, walk_length=7)"
    record, _ = record_and_features()
    z = torch.randn(7, 64)
    before = layer.eval()(z, record)
    assert before.shape == (2, 72)
    layer.reset_parameters()
    assert not torch.equal(layer(z, record), before)
    state = layer.state_dict()
    other = gpool.WalkPool(64).eval()
    other.load_state_dict(state)
    assert torch.equal(other(z, record), layer(z, record))


def test_dropout_is_of_training_only() -> None:
    record, z = record_and_features()
    layer = gpool.WalkPool(5, dropout=0.5).double()
    assert not torch.equal(layer(z, record), layer(z, record))
    layer.eval()
    assert torch.equal(layer(z, record), layer(z, record))


def test_compiles_without_a_break() -> None:
    record, z = record_and_features()
    layer = gpool.WalkPool(5, hidden_channels=3, walk_length=3).double().eval()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x, y = z.clone().requires_grad_(), z.clone().requires_grad_()
    first, second = layer(x, record), compiled(y, record)
    torch.testing.assert_close(second, first)
    first.sum().backward()
    second.sum().backward()
    torch.testing.assert_close(y.grad, x.grad)


def test_errors() -> None:
    for argument in ("hidden_channels", "heads", "walk_length"):
        with pytest.raises(ValueError, match=f"{argument}=0 must be at least 1"):
            gpool.WalkPool(4, **{argument: 0})
    with pytest.raises(ValueError, match=r"dropout=1.0 must be in \[0, 1\)"):
        gpool.WalkPool(4, dropout=1.0)
    record, _ = record_and_features()
    with pytest.raises(ValueError, match=r"z of shape \(7, 3\) must be \[7, 4\]"):
        gpool.WalkPool(4)(torch.zeros(7, 3), record)


def test_forward_mode_is_refused() -> None:
    edges = torch.tensor([[0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]])
    triangle = EnclosingSubgraphs.from_edges(edges, torch.tensor([False] * 4 + [True] * 2))
    layer, z = gpool.WalkPool(4, hidden_channels=3, heads=2, walk_length=3, dropout=0.0), torch.randn(3, 4)
    with pytest.raises(NotImplementedError, match="walk_profile has no forward-mode derivatives"):
        torch.func.jvp(lambda x: layer(x, triangle), (z,), (z,))


def test_parallel_target_edges_of_a_pair() -> None:
    """Six edges between two nodes are more than a 2 x 2 matrix has places."""
    edges = torch.tensor([[0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
    pair = EnclosingSubgraphs.from_edges(edges, torch.ones(6, dtype=torch.bool))
    once = EnclosingSubgraphs.from_edges(edges[:, [0, 3]], torch.ones(2, dtype=torch.bool))
    torch.manual_seed(0)
    layer, z = (
        gpool.WalkPool(4, hidden_channels=3, heads=1, walk_length=3, dropout=0.0),
        torch.randn(2, 4, requires_grad=True),
    )
    found, right = layer(z, pair), layer(z, once)
    omega = torch.arange(16) == 3
    torch.testing.assert_close(found[:, ~omega], right[:, ~omega])
    torch.testing.assert_close(found[:, omega], 3 * right[:, omega])
    found.sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
