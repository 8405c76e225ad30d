"""PyG's edge masks through pooling: a mask over the input's edges fits no pooled graph.

An explainer of ``torch_geometric.explain`` hands its mask to every ``MessagePassing`` module of a model.
Those that run on a pooled graph have other edges and must not take it. The input's edges are explained by the
modules that read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch_geometric.nn import MessagePassing

__all__ = ["never_masked", "unmasked"]


def never_masked(module: nn.Module) -> None:
    """Keep every edge mask away from the message passing of a module that only ever sees pooled graphs."""
    for part in module.modules():
        if isinstance(part, MessagePassing):
            part.explain = False


@contextmanager
def unmasked(module: nn.Module) -> Iterator[None]:
    """Switch the edge masks of a module off while it runs on a pooled graph, and on again after it."""
    masked = [part for part in module.modules() if isinstance(part, MessagePassing) and part.explain]
    for part in masked:
        part.explain = False
    try:
        yield
    finally:
        for part in masked:
            part.explain = True
