"""Graph readouts, hierarchical pooling and link pooling for PyTorch Geometric.

The names below are the public ones. Importing this package needs torch and torch_geometric only;
what trains and benchmarks (lightning, ogb, pandas, ...) is imported by :mod:`gpool.training`,
:mod:`gpool.data`, :mod:`gpool.bench` and :mod:`gpool.cli`.
"""

from gpool import pooling
from gpool.history import HistoGraph, LayerResampler
from gpool.link import WalkPool
from gpool.pooling import EdgeContraction, GraphParsing, SparseCoarsening
from gpool.readout import GNP, ExponentialAdaptive, LogMeanExp, PowerMean, QueryAttention, register

__version__ = "0.1.0"

__all__ = [
    "GNP",
    "EdgeContraction",
    "ExponentialAdaptive",
    "GraphParsing",
    "HistoGraph",
    "LayerResampler",
    "LogMeanExp",
    "PowerMean",
    "QueryAttention",
    "SparseCoarsening",
    "WalkPool",
    "__version__",
    "pooling",
    "register",
]
