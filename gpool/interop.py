"""Views of gpool's records for other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpool.pooling import Pooled

if TYPE_CHECKING:
    from tgp.src import PoolingOutput

__all__ = ["as_tgp"]


def as_tgp(pooled: Pooled) -> PoolingOutput:
    """A :class:`gpool.pooling.Pooled` as the ``PoolingOutput`` of Torch Geometric Pool, sharing its tensors.

    The weight of a node in its supernode is the supernode's score. ``tgp`` has to be installed.

    Raises:
        ValueError: the record carries edge features [E', D]; that package knows edge weights only.
    """
    if pooled.edge_attr is not None and pooled.edge_attr.dim() != 1:
        raise ValueError(
            f"edge_attr of shape {tuple(pooled.edge_attr.shape)} must be weights [E'] or None: "
            f"Torch Geometric Pool carries no edge features"
        )
    from tgp.select import SelectOutput
    from tgp.src import PoolingOutput

    select, connect = pooled.as_pyg()
    chosen = SelectOutput(
        node_index=select.node_index,
        num_nodes=select.num_nodes,
        cluster_index=select.cluster_index,
        num_supernodes=select.num_clusters,
        weight=select.weight,
        batch=None,
    )
    loss = None if pooled.aux_loss is None else {"aux_loss": pooled.aux_loss}
    return PoolingOutput(pooled.x, connect.edge_index, connect.edge_attr, connect.batch, chosen, loss)
