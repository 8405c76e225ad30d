"""Makes PyG's resolver know the readouts of this package by name, for those who ask for it."""

from __future__ import annotations

import torch_geometric.nn.aggr

from gpool.readout.gnp import GNP
from gpool.readout.log_mean_exp import LogMeanExp

__all__ = ["register"]


def register() -> None:
    """Lets ``aggr="gnp"`` and ``aggr="logmeanexp"`` work wherever PyG takes the name of an aggregation.

    Their options, ``channels`` among them, go to ``aggr_kwargs``. PowerMean is left out, since that name is
    taken by PyG's own; pass the layer itself. Importing this package registers nothing; calling this twice
    does no more than once.

    Example:
        >>> import torch_geometric.nn
        >>> register()
        >>> torch_geometric.nn.SAGEConv(8, 8, aggr="gnp", aggr_kwargs={"channels": 8}).aggr_module
        GNP(learn=True)
    """
    for readout in (GNP, LogMeanExp):
        setattr(torch_geometric.nn.aggr, readout.__name__, readout)
