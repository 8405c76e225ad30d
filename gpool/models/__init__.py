"""Plain modules put together from convolutions, poolings and readouts."""

from gpool.models.encoder import Encoder
from gpool.models.encoder_contract import NodeEncoder
from gpool.models.extrapolation import AlgorithmicModel
from gpool.models.graph import GraphModel, MLPHead
from gpool.models.graph_parsing import GraphParsingNetwork
from gpool.models.graph_parsing_nodes import GraphParsingAutoencoder, GraphParsingNodeNetwork
from gpool.models.heuristic import HeuristicModel
from gpool.models.molecule import MoleculeEncoder
from gpool.models.node import NodeModel, NodeReadout
from gpool.models.pair import PairModel
from gpool.models.parsing_base import ParsingParts
from gpool.models.sparse_hierarchical import ClosedMeanConv, SparseHierarchicalNet
from gpool.models.walkpool_network import WalkPoolNetwork

__all__ = [
    "AlgorithmicModel",
    "ClosedMeanConv",
    "Encoder",
    "GraphModel",
    "GraphParsingAutoencoder",
    "GraphParsingNetwork",
    "GraphParsingNodeNetwork",
    "HeuristicModel",
    "MLPHead",
    "MoleculeEncoder",
    "NodeEncoder",
    "NodeModel",
    "NodeReadout",
    "PairModel",
    "ParsingParts",
    "SparseHierarchicalNet",
    "WalkPoolNetwork",
]
