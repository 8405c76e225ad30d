"""Graphs for link prediction by name: SEAL's .mat graphs, Planetoid, WebKB, and one that needs no file."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from gpool.data.files.array_cache import cached_arrays, checksum
from gpool.data.files.geom_gcn import VERSION, geom_gcn_files, parse
from gpool.data.files.mat import read_graph
from gpool.data.links.graph import LinkGraph
from gpool.data.planetoid import Planetoid
from gpool.data.root import MissingData, checked_name

__all__ = ["les_miserables", "link_graph", "there"]

PLANETOID = ("Cora", "CiteSeer")
REPAIRED = {"cornell": "cornell", "chameleon": "chameleon_filtered", "squirrel": "squirrel_filtered"}
FLAWS = {
    "cornell-original": "its feature file is that of Texas",
    "chameleon-original": "it holds duplicate nodes, which leak between the parts of a split",
    "squirrel-original": "it holds duplicate nodes, which leak between the parts of a split",
}
WEBKB = ("texas", "wisconsin", *FLAWS)


def link_graph(name: str, root: Path) -> LinkGraph:
    """A graph by name; every one made undirected before anything is split off it.

    LesMiserables needs no file; Cora and CiteSeer lie in ``planetoid``, texas, wisconsin, cornell, chameleon
    and squirrel in ``webkb``. Cornell, chameleon and squirrel are repaired versions; ``cornell-original`` and
    so on are the common ones, read with a warning. Any other name is that of a file in ``links``, ``USAir``
    of ``links/USAir.mat``.

    No file is trusted: none is unpickled (those of Planetoid are read without running anything that they
    name), and sizes and indices are checked.

    Raises:
        ValueError: a name that is no file name; a file that does not hold the graph, with its path.
        MissingData: a file that is not there; the message names it.
    """
    if name == "LesMiserables":
        return les_miserables()
    if name in PLANETOID:
        return LinkGraph.from_edges(Planetoid(name, root, normalize=False).graph)  # type: ignore[arg-type]
    if name in REPAIRED:
        return _repaired(there(root / "webkb" / "yandex_npz" / f"{REPAIRED[name]}.npz", name))
    if name in WEBKB:
        if name in FLAWS:
            repaired = name.removesuffix("-original")
            warnings.warn(f"{name}: {FLAWS[name]}; {repaired!r} is the version without this", stacklevel=2)
        return _geom_gcn(root / "webkb" / name.removesuffix("-original"), name)
    path = there(root / "links" / f"{checked_name(name)}.mat", name)
    edges, nodes = read_graph(path)
    try:
        return LinkGraph.from_edges(edges, nodes=nodes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def les_miserables() -> LinkGraph:
    """The 77 characters of Les Misérables and who meets whom, 254 links (D. Knuth, 1993), from networkx.

    How often two characters meet, which networkx has as a weight, is left out.
    """
    from networkx import les_miserables_graph

    graph = les_miserables_graph()
    return LinkGraph.from_edges(list(graph.edges()), nodes=sorted(graph.nodes()))


def _repaired(path: Path) -> LinkGraph:
    try:
        with np.load(path, allow_pickle=False) as held:
            edges = torch.from_numpy(held["edges"].astype("int64")).t()
            x = torch.from_numpy(held["node_features"]).float()
    except Exception as error:  # damage can raise anything
        raise ValueError(f"{path} is no archive of edges and node_features: {error}") from error
    return _quietly(edges, x, path)


def _geom_gcn(folder: Path, name: str) -> LinkGraph:
    raw = folder / "geom_gcn" / "raw" if folder.name in ("chameleon", "squirrel") else folder / "raw"
    nodes, edges = (there(path, name) for path in geom_gcn_files(raw))
    arrays = cached_arrays(
        raw.parent / "processed" / "gpool.npz", checksum((nodes, edges), VERSION), lambda: parse(nodes, edges)
    )
    return _quietly(torch.from_numpy(arrays["edge_index"]), torch.from_numpy(arrays["x"]), raw)


def _quietly(edges: torch.Tensor, x: torch.Tensor, source: Path) -> LinkGraph:
    """These sets are known to be directed, to list some edges twice and to hold loops."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return LinkGraph.from_edges(edges, x, nodes=x.size(0), symmetrize=True)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error


def there(path: Path, name: str) -> Path:
    """The path.

    Raises:
        MissingData: nothing is there; the message names the path and the sets that need no .mat file.
    """
    if not path.exists():
        known = ", ".join(["LesMiserables", *PLANETOID, *REPAIRED, *WEBKB])
        raise MissingData(
            f"link data {name!r} needs {path}; place it there, "
            f"or set root (or GPOOL_DATA) to a folder that has it (known without a .mat file: {known})"
        )
    return path
