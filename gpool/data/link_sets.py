"""Graphs for link prediction by name: SEAL's .mat graphs, Planetoid, WebKB, and one that needs no file."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from gpool.data.link_graph import LinkGraph
from gpool.data.link_split import LinkSplit
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

    Raises:
        ValueError: an unknown name.
        MissingData: a file that is not there; the message names it.
    """
    if name in MATLAB:
        from scipy.io import loadmat

        matrix = loadmat(_there(root / "links" / f"{name}.mat", name))["net"].tocoo()
        edges = torch.from_numpy(np.stack([matrix.row, matrix.col]).astype("int64"))
        return LinkGraph.from_edges(edges, nodes=matrix.shape[0])
    if name in PLANETOID:
        from torch_geometric.datasets import Planetoid

        _there(root / "planetoid" / name / "raw", name)
        return LinkGraph.from_edges(Planetoid(str(root / "planetoid"), name)[0])
    if name in REPAIRED and repaired:
        held = np.load(_there(root / "webkb" / "yandex_npz" / f"{REPAIRED[name]}.npz", name))
        edges = torch.from_numpy(held["edges"].astype("int64")).t()
        return _quietly(edges, torch.from_numpy(held["node_features"]).float())
    if name in WEBKB:
        if name in FLAWS:
            warnings.warn(
                f"{name}: {FLAWS[name]}; repaired=True reads the version without this", stacklevel=2
            )
        from torch_geometric.datasets import WebKB, WikipediaNetwork

        _there(root / "webkb" / name, name)
        made = WikipediaNetwork if name in ("chameleon", "squirrel") else WebKB
        data = made(str(root / "webkb"), name)[0]
        return _quietly(data.edge_index, data.x)
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
    name: str, root: Path, number: int, share: int, val_fraction: float, seed: int
) -> LinkSplit:
    """Split 1 .. 10 of a .mat graph, which trains on ``share`` (90 or 50) percent of the links.

    The files number nodes from 1. Validation is set aside of the training part, at random, ``val_fraction``
    of it.

    Raises:
        ValueError: a share or a number that is not there.
        MissingData: the file is not there.
    """
    if share not in (90, 50):
        raise ValueError(f"share={share} must be 90 or 50 for a published split")
    if not 1 <= number <= 10:
        raise ValueError(f"fold={number - 1} must be 0 .. 9: there are ten published splits")
    from scipy.io import loadmat

    folder = "splitted" if share == 90 else "splitted_0_5"
    path = root / "splits" / "walkpool_links" / folder / f"{name}_split_{number}.mat"
    held = loadmat(_there(path, name))
    part = {
        key: torch.from_numpy(held[key].astype("int64")) - 1
        for key in ("train_pos", "train_neg", "test_pos", "test_neg")
    }
    return LinkSplit.with_validation(
        part["train_pos"], part["train_neg"], part["test_pos"], part["test_neg"], val_fraction, seed
    )


def _quietly(edges: torch.Tensor, x: torch.Tensor) -> LinkGraph:
    """These sets are known to list some edges twice and to hold loops."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LinkGraph.from_edges(edges, x, nodes=x.size(0))


def _there(path: Path, name: str) -> Path:
    if not path.exists():
        raise MissingData(
            f"link data {name!r} needs {path}; place it there, "
            "or set root (or GPOOL_DATA) to a folder that has it"
        )
    return path
