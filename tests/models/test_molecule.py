"""Embedded categories against one table per feature, layers against the equation, refused categories."""

from __future__ import annotations

import pytest
import torch

from gpool.models import MoleculeEncoder
from gpool.models.molecule import ATOM, ATOM_NAMES, BOND, BOND_NAMES, BondGIN, CategoryEmbedding


def test_every_category_is_embedded() -> None:
    for sizes, names in ((ATOM, ATOM_NAMES), (BOND, BOND_NAMES)):
        assert len(sizes) == len(names)
        table = CategoryEmbedding(sizes, 4, names=names)
        least, most = torch.zeros(1, len(sizes), dtype=torch.long), torch.tensor(sizes).unsqueeze(0) - 1
        assert table(torch.cat([least, most])).isfinite().all()
        assert table(torch.zeros(0, len(sizes), dtype=torch.long)).shape == (0, 4)


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (
            2,
            0,
            119,
            r"features\[2, 0\] = 119 must be one of 0 \.\. 118, the categories of feature 'atomic number'",
        ),
        (0, 1, 5, r"features\[0, 1\] = 5 must be one of 0 \.\. 4, the categories of feature 'chirality'"),
        (1, 8, 2, r"features\[1, 8\] = 2 must be one of 0 \.\. 1, the categories of feature 'in a ring'"),
        (1, 3, -1, r"features\[1, 3\] = -1 must be one of 0 \.\. 11, the categories of feature 'charge'"),
    ],
)
def test_a_category_of_no_feature_is_refused(row: int, column: int, value: int, message: str) -> None:
    x = torch.zeros(3, 9, dtype=torch.long)
    x[row, column] = value
    bonds = torch.zeros(2, 3, dtype=torch.long)
    encoder, edges = MoleculeEncoder(hidden_channels=4, num_layers=1), torch.tensor([[0, 1], [1, 0]])
    with pytest.raises(IndexError, match=message):
        encoder(x, edges, bonds)


def test_a_bond_of_no_feature_is_refused() -> None:
    encoder, edges = MoleculeEncoder(hidden_channels=4, num_layers=1), torch.tensor([[0, 1], [1, 0]])
    bonds = torch.tensor([[0, 0, 0], [0, 6, 0]])
    with pytest.raises(
        IndexError, match=r"features\[1, 1\] = 6 must be one of 0 \.\. 5, .* feature 'stereo'"
    ):
        encoder(torch.zeros(2, 9, dtype=torch.long), edges, bonds)
    with pytest.raises(IndexError, match=r"features\[0, 1\] = 3 must be one of 0 \.\. 2, .* feature '1'"):
        CategoryEmbedding((2, 3), 4)(torch.tensor([[0, 3]]))


def test_nothing_is_looked_at_while_compiling() -> None:
    table, x = CategoryEmbedding((2, 3), 4), torch.tensor([[1, 2], [0, 0]])
    compiled = torch.compile(table, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), table(x))
    exported = torch.export.export(table, (x,))
    torch.testing.assert_close(exported.module()(x), table(x))
    targets = [str(node.target) for node in exported.graph.nodes]
    assert not [target for target in targets if "assert_async" in target or "scalar" in target]


def test_another_device_asserts_without_reading_back() -> None:
    table = CategoryEmbedding((2, 3), 4).to("meta")  # a tensor whose values nobody can read
    assert table(torch.zeros(5, 2, dtype=torch.long, device="meta")).shape == (5, 4)


def test_the_embedding_is_a_sum_of_one_vector_per_feature() -> None:
    table = CategoryEmbedding((3, 5, 2), 4)
    x = torch.stack([torch.randint(n, (7,)) for n in (3, 5, 2)], dim=1)
    each = table.table.weight.split((3, 5, 2))
    right = sum(weight[x[:, k]] for k, weight in enumerate(each))
    torch.testing.assert_close(table(x), right)


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("residual", [False, True])
def test_bond_layers_written_out(num_layers: int, residual: bool) -> None:
    torch.manual_seed(0)
    model = BondGIN(4, num_layers=num_layers, residual=residual).double().eval()
    x, e = torch.randn(3, 4, dtype=torch.float64), torch.randn(4, 4, dtype=torch.float64)
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    history, state = model(x, edges, e), x
    assert len(history) == num_layers
    for k, (conv, norm) in enumerate(zip(model.convs, model.norms, strict=True)):
        message = torch.zeros_like(state)
        for i, (u, v) in enumerate(edges.t().tolist()):
            message[v] += torch.relu(state[u] + conv.lin(e[i]))
        out = norm(conv.nn((1 + conv.eps) * state + message))
        out = out.relu() if num_layers == 1 or k < num_layers - 1 else out
        state = state + out if residual else out
        torch.testing.assert_close(history[k], state)


def test_the_encoder_runs_its_layers_on_embedded_atoms_and_bonds() -> None:
    encoder, edges = MoleculeEncoder(hidden_channels=4, num_layers=2).eval(), torch.tensor([[0, 1], [1, 0]])
    x = torch.stack([torch.randint(n, (2,)) for n in ATOM], dim=1)
    bonds = torch.stack([torch.randint(n, (2,)) for n in BOND], dim=1)
    right = encoder.layers(encoder.atoms(x), edges, encoder.bonds(bonds))
    assert all(map(torch.equal, encoder(x, edges, bonds), right))
    assert torch.equal(encoder.edges(bonds), encoder.bonds(bonds))
    coarse = encoder.coarse(3)
    assert (coarse.out_channels, len(coarse.convs), coarse.dropout) == (4, 3, encoder.dropout)
    with pytest.raises(ValueError, match="edge_attr=None must be features"):
        coarse(encoder.atoms(x), edges)
