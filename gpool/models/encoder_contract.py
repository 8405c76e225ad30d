"""What models ask of an encoder, and the one check of it."""

from __future__ import annotations

from typing import Protocol, cast

from torch import Tensor, nn

__all__ = ["NodeEncoder", "check_encoder"]


class NodeEncoder(Protocol):
    """Message passing that :class:`GraphModel` and :class:`NodeModel` can be built on.

    :class:`Encoder` and :class:`MoleculeEncoder` are two; one of your own is an ``nn.Module`` with these
    members. :meth:`coarse` and :meth:`edges` are needed only where the graph is pooled.
    """

    out_channels: int  #: width of the last layer's node states

    def __call__(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None = None) -> list[Tensor]:
        """Node states after each layer; the last is [N, out_channels]."""

    def coarse(self, num_layers: int) -> nn.Module:
        """New layers for a pooled graph, [K, out_channels] -> [K, out_channels].

        They are called with (x, edge_index, edge_attr) and return the states or a list of every layer's.
        """

    def edges(self, edge_attr: Tensor | None) -> Tensor | None:
        """Edge attributes that the poolings carry along, which :meth:`coarse` layers read; often as given."""


def check_encoder(encoder: nn.Module, pooled: bool = False) -> NodeEncoder:
    """The encoder itself, if it keeps the contract.

    Raises:
        ValueError: it has no integer ``out_channels``, or, where the graph is ``pooled``, it has no method
            ``coarse`` or ``edges``.
    """
    if not isinstance(getattr(encoder, "out_channels", None), int):
        raise ValueError(
            f"encoder={type(encoder).__name__} must have an integer out_channels, the width of its last "
            f"layer; see gpool.models.NodeEncoder"
        )
    needs = {
        "coarse(num_layers)": "the layers after each pooling",
        "edges(edge_attr)": "the edge attributes that a pooling carries along",
    }
    for method, meaning in needs.items() if pooled else ():
        if not callable(getattr(encoder, method.partition("(")[0], None)):
            raise ValueError(
                f"encoder={type(encoder).__name__} must have {method}, {meaning}, where there is a pooling; "
                f"see gpool.models.NodeEncoder"
            )
    return cast("NodeEncoder", encoder)
