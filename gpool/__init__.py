"""Graph readouts, hierarchical pooling and link pooling for PyTorch Geometric.

The names below are the public ones. Importing this package needs torch and torch_geometric only;
what trains and benchmarks (lightning, ogb, pandas, ...) is imported by :mod:`gpool.training`,
:mod:`gpool.data`, :mod:`gpool.bench` and :mod:`gpool.cli`.
"""

import os
from typing import Any

from gpool import pooling
from gpool.history import HistoGraph, LayerResampler
from gpool.link import WalkPool
from gpool.pooling import EdgeContraction, GraphParsing, SparseCoarsening
from gpool.readout import (
    GNP,
    ExponentialAdaptive,
    GeneralizedSum,
    LogMeanExp,
    Mixture,
    Nested,
    PowerMean,
    QueryAttention,
    Slots,
    TokenGraph,
    register,
)

__version__ = "0.1.0"


def load(path: str | os.PathLike[str], map_location: Any = None, **given: Any) -> Any:
    """The task of a checkpoint, with its weights, whether the command line or a trainer has written it.

    The file is read without running code, but the classes and functions that it names are imported and
    called: load only checkpoints that you trust. Needs the extra ``train``.

    Args:
        path: the file.
        map_location: device of the weights; the one they were on where it is None.
        given: arguments in place of those that the checkpoint describes, or lacks: ``encoder=MyEncoder()``.

    Raises:
        ValueError: the checkpoint does not say how to build its task; in one line.
    """
    from gpool.training.checkpoint import load

    return load(path, map_location, **given)


__all__ = [
    "GNP",
    "EdgeContraction",
    "ExponentialAdaptive",
    "GeneralizedSum",
    "GraphParsing",
    "HistoGraph",
    "LayerResampler",
    "LogMeanExp",
    "Mixture",
    "Nested",
    "PowerMean",
    "QueryAttention",
    "Slots",
    "SparseCoarsening",
    "TokenGraph",
    "WalkPool",
    "__version__",
    "load",
    "pooling",
    "register",
]
