"""Atoms and bonds of the OGB molecules -> node states; GIN layers that read the bonds."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GINEConv

from gpool.models.batch_norm import SingleRowBatchNorm
from gpool.ops.checks.arguments import check_positive

__all__ = ["ATOM", "ATOM_NAMES", "BOND", "BOND_NAMES", "BondGIN", "CategoryEmbedding", "MoleculeEncoder"]

ATOM = (119, 5, 12, 12, 10, 6, 6, 2, 2)
"""Number of categories of OGB's nine atom features (arXiv:2005.00687)."""
ATOM_NAMES = (
    "atomic number",
    "chirality",
    "degree",
    "charge",
    "hydrogens",
    "radical electrons",
    "hybridization",
    "aromatic",
    "in a ring",
)
BOND = (5, 6, 2)
"""Number of categories of OGB's three bond features."""
BOND_NAMES = ("type", "stereo", "conjugated")


class CategoryEmbedding(nn.Module):
    """The sum of one learned vector for each categorical feature: int64 [M, F] -> [M, channels].

    Args:
        sizes: number of categories of each feature.
        channels: width of the vectors.
        names: of the features, for messages; None numbers them.

    Raises:
        ValueError: features that are not integers [M, F].
        IndexError: on the CPU, a category that is none of its feature's. On a GPU a device-side assertion
            fails instead, without a synchronization. While the module is compiled or exported nothing is
            checked: a wrong category then reads another feature's vector.

    >>> import torch
    >>> from gpool.models.molecule import BOND, CategoryEmbedding
    >>> CategoryEmbedding(BOND, 8)(torch.tensor([[0, 0, 1], [3, 0, 1]])).shape
    torch.Size([2, 8])
    """

    start: Tensor

    size: Tensor

    def __init__(self, sizes: Sequence[int], channels: int, *, names: Sequence[str] | None = None) -> None:
        super().__init__()
        size = torch.tensor(list(sizes))
        self.names = [str(k) for k in range(len(sizes))] if names is None else list(names)
        ends = size.cumsum(0)
        self.register_buffer("size", size, persistent=False)
        self.register_buffer("start", ends - size, persistent=False)
        self.table = nn.EmbeddingBag(int(ends[-1]), channels, mode="sum")
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot, as for a one-hot vector of each feature."""
        nn.init.xavier_uniform_(self.table.weight)

    def forward(self, x: Tensor) -> Tensor:
        """The summed vectors of each row, [M, channels]."""
        if x.dim() != 2 or x.size(1) != self.start.numel() or x.is_floating_point():
            raise ValueError(
                f"features are {x.dtype} of shape {tuple(x.shape)}; "
                f"they must be integers [M, {self.start.numel()}]"
            )
        if not torch.compiler.is_compiling():
            self._check(x)
        return torch.as_tensor(self.table(x + self.start))

    def _check(self, x: Tensor) -> None:
        fits = (x >= 0) & (x < self.size)
        if x.device.type != "cpu":
            torch._assert_async(fits.all(), "a category is none of its feature's")
        elif not bool(fits.all()):
            row, column = (~fits).nonzero()[0].tolist()
            raise IndexError(
                f"features[{row}, {column}] = {int(x[row, column])} must be one of "
                f"0 .. {int(self.size[column]) - 1}, the categories of feature {self.names[column]!r}"
            )


class BondGIN(nn.Module):
    r"""GIN layers that read edge features, handing over every layer's node states.

    :math:`x_v \leftarrow \mathrm{MLP}\big((1 + \epsilon) x_v + \sum_u \mathrm{relu}(x_u + W e_{uv})\big)`
    (GINE of Hu et al., arXiv:1905.12265), then batch norm, ReLU (not after the last of several layers),
    dropout, and the layer's input where ``residual``.

    Args:
        channels: width of nodes and edges.
        num_layers: at least 1.
        dropout: after every layer.
        residual: add each layer's input to its output.

    Shape:
        - ``x`` [N, C], ``edge_index`` [2, E], ``edge_attr`` [E, C] -> ``num_layers`` tensors [N, C].

    >>> import torch
    >>> from gpool.models.molecule import BondGIN
    >>> [h.shape for h in BondGIN(4)(torch.rand(2, 4), torch.tensor([[0], [1]]), torch.rand(1, 4))]
    [torch.Size([2, 4])]
    """

    def __init__(
        self, channels: int, *, num_layers: int = 1, dropout: float = 0.0, residual: bool = False
    ) -> None:
        super().__init__()
        check_positive(num_layers=num_layers)
        self.out_channels = channels
        self.dropout = dropout
        self.residual = residual
        self.convs = nn.ModuleList(GINEConv(_update(channels), edge_dim=channels) for _ in range(num_layers))
        self.norms = nn.ModuleList(SingleRowBatchNorm(channels) for _ in range(num_layers))

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None = None) -> list[Tensor]:
        """Node states after each layer, [N, C] each."""
        if edge_attr is None:
            raise ValueError(f"edge_attr=None must be features [E, {self.out_channels}]")
        history: list[Tensor] = []
        last = len(self.convs) - 1
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            out = norm(conv(x, edge_index, edge_attr))
            out = F.dropout(out.relu() if i < last or last == 0 else out, self.dropout, self.training)
            x = x + out if self.residual else out
            history.append(x)
        return history


def _update(channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(channels, 2 * channels),
        SingleRowBatchNorm(2 * channels),
        nn.ReLU(),
        nn.Linear(2 * channels, channels),
    )


class MoleculeEncoder(nn.Module):
    """Embedded atoms and bonds through GIN layers: the encoder for the OGB molecules.

    The atom and bond features, their embedding as sums and the GIN layers are those of the OGB baselines (Hu
    et al. 2020, arXiv:2005.00687), without a virtual node; one embedding of the bonds, which every layer
    maps by itself.

    Args:
        in_channels: number of atom features, which must be OGB's nine.
        hidden_channels: width.
        num_layers: GIN layers.
        dropout: after every layer.
        residual: add each layer's input to its output.

    Shape:
        - ``x`` int64 [N, 9], ``edge_index`` [2, E], ``edge_attr`` int64 [E, 3] -> ``num_layers`` tensors
          [N, hidden_channels]. An atom without bonds passes through the layers alone.

    Raises:
        ValueError: the features are not OGB's.
        IndexError: an atom or bond has a category that is none of its feature's; on a GPU and while
            compiling see :class:`CategoryEmbedding`.

    >>> import torch
    >>> from gpool.models import MoleculeEncoder
    >>> ethane = torch.tensor([[0, 1], [1, 0]])
    >>> carbon, single = torch.tensor([[5, 0, 4, 5, 3, 0, 2, 0, 0]] * 2), torch.zeros(2, 3, dtype=torch.long)
    >>> len(MoleculeEncoder(hidden_channels=8, num_layers=2)(carbon, ethane, single))
    2
    """

    def __init__(
        self,
        in_channels: int = len(ATOM),
        hidden_channels: int = 64,
        *,
        num_layers: int = 5,
        dropout: float = 0.5,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if in_channels != len(ATOM):
            raise ValueError(
                f"in_channels={in_channels} must be {len(ATOM)}, the number of OGB's atom features"
            )
        self.hidden_channels = self.out_channels = hidden_channels
        self.num_layers = num_layers
        self.dropout = dropout
        self.residual = residual
        self.atoms = CategoryEmbedding(ATOM, hidden_channels, names=ATOM_NAMES)
        self.bonds = CategoryEmbedding(BOND, hidden_channels, names=BOND_NAMES)
        self.layers = BondGIN(hidden_channels, num_layers=num_layers, dropout=dropout, residual=residual)

    def edges(self, edge_attr: Tensor | None) -> Tensor:
        """What a pooling carries to the next level: the embedded bonds, [E, hidden_channels]."""
        if edge_attr is None:
            raise ValueError(f"edge_attr=None must be integers [E, {len(BOND)}], OGB's bond features")
        return torch.as_tensor(self.bonds(edge_attr))

    def coarse(self, num_layers: int) -> BondGIN:
        """Layers of the same kind for a pooled graph."""
        return BondGIN(
            self.hidden_channels, num_layers=num_layers, dropout=self.dropout, residual=self.residual
        )

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None = None) -> list[Tensor]:
        """Node states after each layer, [N, hidden_channels] each."""
        return self.layers(self.atoms(x), edge_index, self.edges(edge_attr))  # type: ignore[no-any-return]
