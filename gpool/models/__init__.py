"""Plain modules put together from convolutions, poolings and readouts."""

from gpool.models.algorithmic import AlgorithmicModel
from gpool.models.encoder import Encoder
from gpool.models.graph import GraphModel, MLPHead
from gpool.models.node import NodeModel

__all__ = ["AlgorithmicModel", "Encoder", "GraphModel", "MLPHead", "NodeModel"]
