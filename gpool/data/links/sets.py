"""Graphs for link prediction by name: SEAL's .mat graphs, Planetoid, WebKB, and one that needs no file."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from gpool.data.files.array_cache import cached_arrays, checksum
from gpool.data.files.geom_gcn import VERSION, geom_gcn_files, parse
from gpool.data.files.mat import read_graph, read_parts
from gpool.data.links.audit import audit_parts
from gpool.data.links.graph import LinkGraph
from gpool.data.links.split import LinkSplit
from gpool.data.planetoid import Planetoid
from gpool.data.root import MissingData

__all__ = ["les_miserables", "link_graph", "published_split"]

MATLAB = ("USAir", "NS", "PB", "Yeast", "Celegans", "Power", "PubMed_nofeat")
PLANETOID = ("Cora", "CiteSeer")
REPAIRED = {"cornell": "cornell", "chameleon": "chameleon_filtered", "squirrel": "squirrel_filtered"}
FLAWS = {
    "cornell": "its feature file is that of Texas",
    "chameleon": "it holds duplicate nodes, which leak between the parts of a split",
    "squirrel": "it holds duplicate nodes, which leak between the parts of a split",
}
WEBKB = ("texas", "wisconsin", *REPAIRED)


def link_graph(name: str, root: Path, repaired: bool = True) -> LinkGraph:
    """A graph by name; every one made undirected before anything is split off it.

    ``repaired=False`` reads the common version of Cornell, Chameleon and Squirrel, with a warning.

    No file is trusted: none is unpickled (those of Planetoid are read without running anything that they
    name), and sizes and indices are checked.

    Raises:
        ValueError: an unknown name; a file that does not hold the graph, with its path.
        MissingData: a file that is not there; the message names it.
    """
    if name in MATLAB:
        edges, nodes = read_graph(_there(root / "links" / f"{name}.mat", name))
        return LinkGraph.from_edges(edges, nodes=nodes)
    if name in PLANETOID:
        return LinkGraph.from_edges(Planetoid(name, root, normalize=False).graph)  # type: ignore[arg-type]
    if name in REPAIRED and repaired:
        return _repaired(_there(root / "webkb" / "yandex_npz" / f"{REPAIRED[name]}.npz", name))
    if name in WEBKB:
        if name in FLAWS:
            warnings.warn(
                f"{name}: {FLAWS[name]}; repaired=True reads the version without this", stacklevel=2
            )
        return _geom_gcn(root / "webkb" / name, name)
    if name == "LesMiserables":
        return les_miserables()
    known = ", ".join(["LesMiserables", *MATLAB, *PLANETOID, *WEBKB])
    raise ValueError(f"name={name!r} must be one of {known}; for a graph of your own, Links.from_edges")


def les_miserables() -> LinkGraph:
    """The 77 characters of Les Misérables and who meets whom, 254 links (D. Knuth, 1993), from networkx."""
    from networkx import les_miserables_graph

    graph = les_miserables_graph()
    return LinkGraph.from_edges(list(graph.edges()), nodes=sorted(graph.nodes()))


def published_split(
    graph: LinkGraph, name: str, root: Path, number: int, share: int, val_fraction: float, seed: int
) -> LinkSplit:
    """Split 1 .. 10 of a .mat graph, which trains on ``share`` (90 or 50) percent of the links.

    Validation is set aside of the training part, at random, ``val_fraction`` of it.

    Raises:
        ValueError: a share or a number that is not there; parts that break a rule of
            :func:`gpool.data.links.audit.audit_parts`, which the published files keep.
        MissingData: the file is not there.
    """
    if share not in (90, 50):
        raise ValueError(f"share={share} must be 90 or 50 for a published split")
    if not 1 <= number <= 10:
        raise ValueError(f"fold={number - 1} must be 0 .. 9: there are ten published splits")
    folder = "splitted" if share == 90 else "splitted_0_5"
    path = _there(root / "splits" / "walkpool_links" / folder / f"{name}_split_{number}.mat", name)
    part = read_parts(path)
    audit_parts(part, graph.num_nodes, str(path), graph.pairs)
    return LinkSplit.with_validation(
        part["train_pos"], part["train_neg"], part["test_pos"], part["test_neg"], val_fraction, seed
    )


def _repaired(path: Path) -> LinkGraph:
    try:
        with np.load(path, allow_pickle=False) as held:
            edges = torch.from_numpy(held["edges"].astype("int64")).t()
            x = torch.from_numpy(held["node_features"]).float()
    except Exception as error:  # damage can raise anything
        raise ValueError(f"{path} is no archive of edges and node_features: {error}") from error
    return _quietly(edges, x, path)


def _geom_gcn(folder: Path, name: str) -> LinkGraph:
    raw = folder / "geom_gcn" / "raw" if name in ("chameleon", "squirrel") else folder / "raw"
    nodes, edges = (_there(path, name) for path in geom_gcn_files(raw))
    arrays = cached_arrays(
        raw.parent / "processed" / "gpool.npz", checksum((nodes, edges), VERSION), lambda: parse(nodes, edges)
    )
    return _quietly(torch.from_numpy(arrays["edge_index"]), torch.from_numpy(arrays["x"]), raw)


def _quietly(edges: torch.Tensor, x: torch.Tensor, source: Path) -> LinkGraph:
    """These sets are known to list some edges twice and to hold loops."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return LinkGraph.from_edges(edges, x, nodes=x.size(0))
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error


def _there(path: Path, name: str) -> Path:
    if not path.exists():
        raise MissingData(
            f"link data {name!r} needs {path}; place it there, "
            "or set root (or GPOOL_DATA) to a folder that has it"
        )
    return path
