"""An undirected graph whose links are to be predicted, from edges with a user's own ids."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

__all__ = ["LinkGraph"]


@dataclass(frozen=True)
class LinkGraph:
    """Every link once, as a pair i < j of positions 0 .. N - 1, with the user's ids and the nodes' features.

    Shape:
        - **pairs** [M, 2], rising; **x** [N, F] or None; **ids**: the user's id of every node.
    """

    pairs: Tensor
    num_nodes: int
    x: Tensor | None
    ids: Sequence[Hashable]

    @classmethod
    def from_edges(
        cls,
        edges: Data | Tensor | Iterable[tuple[Hashable, Hashable]],
        x: Tensor | None = None,
        nodes: Sequence[Hashable] | int | None = None,
        *,
        symmetrize: bool = False,
    ) -> LinkGraph:
        """A graph from a PyG ``Data``, a tensor [2, E] of ids 0 .. N - 1, or pairs of any ids.

        Links have no direction and no weight. A list may name each of them once, or all in both directions; a
        ``Data`` names all in both, as PyG has it. One that is listed more than once in the same direction
        counts once, and a node joined to itself is left out; a warning says how many.

        Args:
            edges: the links.
            x: node features [N, F], in the order of ``nodes`` (without it, of rising ids).
            nodes: all ids, or N; without it, those that the links name.
            symmetrize: make a directed graph undirected, which is refused otherwise.

        Raises:
            ValueError: no links, an unknown id, weights or features of edges, a directed graph, node features
                that are not finite or not one row per node.

        >>> graph = LinkGraph.from_edges([("Ann", "Bob"), ("Bob", "Cid")])
        >>> graph.pairs.tolist(), graph.ids
        ([[0, 1], [1, 2]], ['Ann', 'Bob', 'Cid'])
        """
        both = isinstance(edges, Data)
        if isinstance(edges, Data):
            _check_plain(edges)
            x = edges.x if x is None else x
            nodes = edges.num_nodes if nodes is None else nodes
            edges = edges.edge_index
        if isinstance(edges, Tensor):
            index, ids = _numbered(edges, nodes)
        else:
            index, ids = _named(list(edges), nodes)
        if index.numel() == 0:
            raise ValueError("edges is empty; a graph needs links to learn from")
        _check_features(x, len(ids))
        if not symmetrize:
            _check_undirected(index, ids, both)
        return cls(_once(index, len(ids)), len(ids), x, ids)

    def position(self, pairs: Tensor | Iterable[tuple[Hashable, Hashable]]) -> Tensor:
        """Pairs of the user's ids as positions [B, 2].

        Raises:
            ValueError: an id that the graph does not have, or a pair i = j.
        """
        listed = [tuple(pair) for pair in (pairs.tolist() if isinstance(pairs, Tensor) else pairs)]
        where = {name: k for k, name in enumerate(self.ids)}
        out = []
        for k, pair in enumerate(listed):
            if len(pair) != 2:
                raise ValueError(f"pairs[{k}] = {pair!r} must be two node ids")
            for name in pair:
                if name not in where:
                    raise ValueError(
                        f"pairs[{k}] = {pair!r} holds the unknown node {name!r}; "
                        f"the graph has {self.num_nodes} nodes, {self.ids[0]!r} to {self.ids[-1]!r}"
                    )
            if pair[0] == pair[1]:
                raise ValueError(f"pairs[{k}] = {pair!r} joins a node to itself; a link needs two nodes")
            out.append([where[pair[0]], where[pair[1]]])
        return torch.tensor(out, dtype=torch.long).view(-1, 2)

    def unlinked(self) -> Tensor:
        """All pairs i < j that the graph does not link, [., 2].

        Raises:
            ValueError: more than 10,000 nodes; name the pairs then.
        """
        size = self.num_nodes
        if size > 10_000:
            raise ValueError(
                f"the graph has {size} nodes and {size * (size - 1) // 2} pairs; name those to predict"
            )
        every = torch.combinations(torch.arange(size))
        known = self.pairs[:, 0] * size + self.pairs[:, 1]
        return every[~torch.isin(every[:, 0] * size + every[:, 1], known)]

    def __repr__(self) -> str:
        features = "no features" if self.x is None else f"{self.x.size(1)} features"
        return f"{type(self).__name__}({self.num_nodes} nodes, {self.pairs.size(0)} links, {features})"


def _numbered(edges: Tensor, nodes: Sequence[Hashable] | int | None) -> tuple[Tensor, Sequence[Hashable]]:
    if edges.dim() != 2 or edges.size(0) != 2 or edges.is_floating_point():
        raise ValueError(f"edges of shape {tuple(edges.shape)} and {edges.dtype} must be [2, E] of integers")
    if nodes is not None and not isinstance(nodes, int):
        return _named([(a, b) for a, b in edges.t().tolist()], nodes)
    count = nodes if nodes is not None else (int(edges.max()) + 1 if edges.numel() > 0 else 0)
    if edges.numel() > 0 and not 0 <= int(edges.min()) <= int(edges.max()) < count:
        wrong = int(edges.min()) if int(edges.min()) < 0 else int(edges.max())
        raise ValueError(f"edges holds the unknown node {wrong}; ids must be 0 .. {count - 1}")
    return edges.long(), range(count)


def _named(edges: list[Any], nodes: Sequence[Hashable] | int | None) -> tuple[Tensor, Sequence[Hashable]]:
    for k, edge in enumerate(edges):
        if isinstance(edge, str) or not hasattr(edge, "__len__") or len(edge) != 2:
            raise ValueError(f"edges[{k}] = {edge!r} must be two node ids; weights and features are not used")
    found = dict.fromkeys(name for edge in edges for name in edge)
    if nodes is None or isinstance(nodes, int):
        try:
            ids: list[Hashable] = sorted(found)  # type: ignore[type-var]
        except TypeError:
            ids = list(found)
        if nodes is not None and nodes != len(ids):
            raise ValueError(
                f"nodes={nodes} must be the list of ids where the links name theirs; they name {len(ids)}"
            )
    else:
        ids = list(nodes)
    where = {name: k for k, name in enumerate(ids)}
    if len(where) != len(ids):
        raise ValueError(f"nodes holds {len(ids) - len(where)} ids twice; every node needs one of its own")
    for name in found:
        if name not in where:
            raise ValueError(f"edges holds the unknown node {name!r}; it is not in nodes")
    return torch.tensor([[where[a], where[b]] for a, b in edges], dtype=torch.long).view(-1, 2).t(), ids


def _check_features(x: Tensor | None, nodes: int) -> None:
    if x is None:
        return
    if x.dim() != 2 or x.size(0) != nodes:
        raise ValueError(f"x of shape {tuple(x.shape)} must be [{nodes}, F], one row per node")
    wrong = ~x.isfinite().all(1)
    if bool(wrong.any()):
        raise ValueError(
            f"x holds NaN or infinite features in {int(wrong.sum())} rows, "
            f"the first of node {int(wrong.nonzero()[0])}"
        )


def _check_plain(data: Data) -> None:
    for name in ("edge_weight", "edge_attr"):
        value = getattr(data, name, None)
        if value is not None and not (isinstance(value, Tensor) and bool((value == 1).all())):
            raise ValueError(
                f"edges holds {name}, which links to predict do not use; set data.{name} = None "
                "to predict from the structure alone"
            )


def _check_undirected(index: Tensor, ids: Sequence[Hashable], both: bool) -> None:
    """Refuse edges of which some have no reverse; all may have none unless ``both``."""
    index = index[:, index[0] != index[1]]
    keys, reverse = index[0] * len(ids) + index[1], index[1] * len(ids) + index[0]
    alone = ~torch.isin(keys, reverse)
    if bool(alone.any()) and (both or not bool(alone.all())):
        a, b = (ids[node] for node in index[:, alone][:, 0].tolist())
        raise ValueError(
            f"edges is a directed graph: {int(alone.sum())} of its {keys.numel()} edges, such as "
            f"({a!r}, {b!r}), have no reverse; LinkGraph.from_edges(..., symmetrize=True) makes it undirected"
        )


def _once(index: Tensor, nodes: int) -> Tensor:
    loops = index[0] == index[1]
    if bool(loops.any()):
        warnings.warn(f"{int(loops.sum())} edges join a node to itself; they are left out", stacklevel=3)
        index = index[:, ~loops]
    directed = index[0] * nodes + index[1]
    repeated = directed.numel() - directed.unique().numel()
    if repeated > 0:
        warnings.warn(f"{repeated} edges are listed more than once; each counts once", stacklevel=3)
    keys = torch.unique(index.amin(0) * nodes + index.amax(0))
    return torch.stack([keys // nodes, keys % nodes], dim=1)
