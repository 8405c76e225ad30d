"""Graph -> smaller graph, every pooling with one signature and one record."""

from gpool.pooling.base import Pooling
from gpool.pooling.edge_contraction import EdgeContraction
from gpool.pooling.graph_parsing import GraphParsing
from gpool.pooling.pooled import Pooled
from gpool.pooling.scorer import ConcatScorer, ProductScorer
from gpool.pooling.sparse_coarsening import SparseCoarsening

__all__ = [
    "ConcatScorer",
    "EdgeContraction",
    "GraphParsing",
    "Pooled",
    "Pooling",
    "ProductScorer",
    "SparseCoarsening",
]
