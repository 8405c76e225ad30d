"""Plain modules put together from convolutions, poolings and readouts."""

from gpool.models.all_layers import AllLayers
from gpool.models.boosted_links import BoostedLinks
from gpool.models.common_neighbor_model import CommonNeighborModel
from gpool.models.embedding_encoder import EmbeddingEncoder
from gpool.models.encoder import Encoder
from gpool.models.encoder_contract import NodeEncoder
from gpool.models.extrapolation import AlgorithmicModel
from gpool.models.fitted import FittedModel
from gpool.models.graph import GraphModel, MLPHead
from gpool.models.graph_parsing import GraphParsingNetwork
from gpool.models.graph_parsing_nodes import GraphParsingAutoencoder, GraphParsingNodeNetwork
from gpool.models.heuristic import HeuristicModel
from gpool.models.link_model import LinkModel
from gpool.models.molecule import MoleculeEncoder
from gpool.models.node import NodeModel, NodeReadout
from gpool.models.node_labels import NodeLabels
from gpool.models.pair import PairModel
from gpool.models.parsing_base import ParsingParts
from gpool.models.sketch_model import SketchModel
from gpool.models.sparse_hierarchical import ClosedMeanConv, SparseHierarchicalNet
from gpool.models.subgraph_encoder import SubgraphEncoder
from gpool.models.walkpool_network import WalkPoolNetwork
from gpool.models.whole_graph_walk import WholeGraphWalk

__all__ = [
    "AlgorithmicModel",
    "AllLayers",
    "BoostedLinks",
    "ClosedMeanConv",
    "CommonNeighborModel",
    "EmbeddingEncoder",
    "Encoder",
    "FittedModel",
    "GraphModel",
    "GraphParsingAutoencoder",
    "GraphParsingNetwork",
    "GraphParsingNodeNetwork",
    "HeuristicModel",
    "LinkModel",
    "MLPHead",
    "MoleculeEncoder",
    "NodeEncoder",
    "NodeLabels",
    "NodeModel",
    "NodeReadout",
    "PairModel",
    "ParsingParts",
    "SketchModel",
    "SparseHierarchicalNet",
    "SubgraphEncoder",
    "WalkPoolNetwork",
    "WholeGraphWalk",
]
