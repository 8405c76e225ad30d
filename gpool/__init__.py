"""Graph readouts, hierarchical pooling and link pooling for PyTorch Geometric.

The names below are the public ones. Importing this package needs torch and torch_geometric only;
what trains and benchmarks (lightning, ogb, pandas, ...) is imported by :mod:`gpool.training`,
:mod:`gpool.data`, :mod:`gpool.bench` and :mod:`gpool.cli`.
"""

from gpool import pooling
from gpool.history import HistoGraph, LayerResampler
from gpool.link import WalkPool
from gpool.pooling import EdgeContraction, GraphParsing, SparseCoarsening
from gpool.readout import (
    GNP,
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

__all__ = [
    "GNP",
    "EdgeContraction",
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
    "pooling",
    "register",
]
