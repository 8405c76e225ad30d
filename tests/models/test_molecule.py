"""Categories of atoms and bonds: one that is none of its feature's is refused where that can be seen."""

from __future__ import annotations

import pytest
import torch

from gpool.models import MoleculeEncoder
from gpool.models.molecule import ATOM, ATOM_NAMES, BOND, BOND_NAMES, CategoryEmbedding


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
