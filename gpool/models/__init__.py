"""Plain modules put together from convolutions, poolings and readouts."""

from gpool.models.encoder import Encoder
from gpool.models.graph import GraphModel, MLPHead
from gpool.models.heuristic import HeuristicModel
from gpool.models.link import LinkBatch, LinkModel
from gpool.models.pair import PairModel

__all__ = ["Encoder", "GraphModel", "HeuristicModel", "LinkBatch", "LinkModel", "MLPHead", "PairModel"]
