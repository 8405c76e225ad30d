"""Readouts: the nodes of every graph to one vector; each is a ``torch_geometric`` Aggregation."""

from gpool.readout.exponential_adaptive import ExponentialAdaptive
from gpool.readout.generalized_sum import GeneralizedSum
from gpool.readout.gnp import GNP
from gpool.readout.log_mean_exp import LogMeanExp
from gpool.readout.mixture import Mixture
from gpool.readout.nested import Nested
from gpool.readout.power_mean import PowerMean
from gpool.readout.query_attention import QueryAttention
from gpool.readout.register import register
from gpool.readout.slots import Slots
from gpool.readout.token_graph import TokenGraph

__all__ = [
    "GNP",
    "ExponentialAdaptive",
    "GeneralizedSum",
    "LogMeanExp",
    "Mixture",
    "Nested",
    "PowerMean",
    "QueryAttention",
    "Slots",
    "TokenGraph",
    "register",
]
