"""Plain modules put together from convolutions, poolings and readouts."""

from gpool.models.encoder import Encoder
from gpool.models.graph import GraphModel, MLPHead

__all__ = ["Encoder", "GraphModel", "MLPHead"]
