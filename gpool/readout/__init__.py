"""Readouts: the nodes of every graph to one vector; each is a ``torch_geometric`` Aggregation."""

from gpool.readout.exponential_adaptive import ExponentialAdaptive
from gpool.readout.gnp import GNP
from gpool.readout.log_mean_exp import LogMeanExp
from gpool.readout.power_mean import PowerMean
from gpool.readout.query_attention import QueryAttention
from gpool.readout.register import register

__all__ = ["GNP", "ExponentialAdaptive", "LogMeanExp", "PowerMean", "QueryAttention", "register"]
