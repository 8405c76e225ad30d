"""Readouts: the nodes of every graph to one vector; each is a ``torch_geometric`` Aggregation."""

from gpool.readout.gnp import GNP

__all__ = ["GNP"]
