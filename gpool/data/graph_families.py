"""Random graphs of known families, as networkx makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["FAMILIES", "family_graph"]

FAMILIES = ("path", "cycle", "ladder", "4-regular", "complete", "tree", "expander", "general")


def family_graph(family: str, n: int, random: np.random.Generator, nth: int = 0, p: float = 0.8) -> nx.Graph:
    """A connected graph with n nodes (a ladder has an even number: n - 1 for an odd n).

    Args:
        family: one of :data:`FAMILIES`; ``"expander"`` is Erdős–Rényi of density ``p``, ``"general"`` that of
            density 0.1 to 0.9, in equal shares as ``nth`` counts on; both drawn again until connected.
        n: nodes.
        random: what the random ones are drawn from.
        nth: the number of the graph in its data set.
        p: density of an expander.
    """
    import networkx as nx

    seed = int(random.integers(2**31))
    if family in ("expander", "general"):
        density = p if family == "expander" else (nth % 9 + 1) / 10
        while True:
            graph = nx.gnp_random_graph(n, density, seed=seed)
            if nx.is_connected(graph):
                return graph
            seed = int(random.integers(2**31))
    if family == "tree":
        return nx.random_labeled_tree(n, seed=seed)
    if family == "4-regular":
        while True:
            graph = nx.random_regular_graph(4, n, seed=seed)
            if nx.is_connected(graph):
                return graph
            seed = int(random.integers(2**31))
    if family == "ladder":
        return nx.ladder_graph(n // 2)
    if family in ("path", "cycle", "complete"):
        return {"path": nx.path_graph, "cycle": nx.cycle_graph, "complete": nx.complete_graph}[family](n)
    raise ValueError(f"family={family!r} must be one of {', '.join(FAMILIES)}")
