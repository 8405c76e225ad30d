"""Enclosing subgraphs of many target links at once, and what is read off them.

Here belongs what works on many small graphs around pairs of nodes: how they are cut out, their record, labels
and walks. Layers and models that use them belong to :mod:`gpool.link` and :mod:`gpool.models`.
"""

from gpool.ops.subgraph.adjacency import Adjacency
from gpool.ops.subgraph.extract import enclosing_subgraphs, iter_enclosing_subgraphs
from gpool.ops.subgraph.record import EnclosingSubgraphs

__all__ = ["Adjacency", "EnclosingSubgraphs", "enclosing_subgraphs", "iter_enclosing_subgraphs"]
