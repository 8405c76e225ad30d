"""What is put to the test: a pooling, how to call it, and when two results are the same."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gpool.pooling.pooled import Pooled
from gpool.testing.pooling.graphs import Graphs, sample

__all__ = ["Held", "PoolingSubject", "first_place"]


def _pool(layer: nn.Module, graphs: Graphs) -> Pooled:
    return layer(*graphs)


@dataclass(frozen=True)
class PoolingSubject:
    """A pooling and how to call it.

    Args:
        layer: the pooling; assertions work on copies of it, in evaluation mode.
        channels: width of the node features.
        call: (layer, graphs) -> :class:`gpool.pooling.Pooled`; by default that of a
            :class:`gpool.pooling.Pooling`, whose arguments ``graphs`` are.
        edge_features: whether ``edge_attr`` may be features [E, D]; else weights [E] alone are tried.
        scale: the size of an extreme input.
        tolerance: relative and absolute tolerance in float64.
    """

    layer: nn.Module
    channels: int = 8
    call: Callable[[nn.Module, Graphs], Pooled] = _pool
    edge_features: bool = True
    scale: float = 1e4
    tolerance: float = 1e-8

    def graphs(self, dtype: torch.dtype = torch.float64, equal: bool = False) -> Graphs:
        return sample(self.channels, dtype, equal)

    def copy(self, dtype: torch.dtype = torch.float64) -> nn.Module:
        return copy.deepcopy(self.layer).eval().to(dtype)

    def close(self, actual: Tensor, expected: Tensor, what: str) -> None:
        torch.testing.assert_close(
            actual, expected, rtol=self.tolerance, atol=self.tolerance, msg=lambda m: f"{what}: {m}"
        )

    def same(self, actual: Pooled, expected: Pooled, node: Tensor, edge: Tensor, what: str) -> None:
        """Both are pooled alike, where row i of ``actual``'s input is row ``node[i]`` of ``expected``'s."""
        assert torch.equal(first_place(actual.cluster), first_place(expected.cluster[node])), (
            f"clusters {what}"
        )
        self.close(actual.lift(actual.x), expected.lift(expected.x)[node], f"features {what}")
        found, wanted = first_place(actual.edge_cluster), first_place(expected.edge_cluster[edge])
        assert torch.equal(found, wanted), f"pooled edges {what}"
        self.close(_per_edge(actual), _per_edge(expected)[edge], f"edge attributes {what}")


def first_place(labels: Tensor) -> Tensor:
    """Every label as the first place where it occurs, so that equal partitions are equal; -1 stays."""
    place = torch.arange(labels.numel())
    kept = labels >= 0
    first = place.new_full((int(labels.max()) + 2 if labels.numel() else 1,), -1)
    first.scatter_reduce_(0, labels[kept], place[kept], "amin", include_self=False)
    return first[labels]


def _per_edge(pooled: Pooled) -> Tensor:
    """The attribute of the pooled edge of every edge, zero where it vanished."""
    if pooled.edge_attr is None:
        return torch.zeros(pooled.edge_cluster.numel())
    nothing = pooled.edge_attr.new_zeros(1, *pooled.edge_attr.shape[1:])
    return torch.cat([pooled.edge_attr, nothing])[pooled.edge_cluster]


class Held(nn.Module):
    """A subject's call on graphs of a fixed batch size, which compilers want; gives tensors."""

    def __init__(self, layer: nn.Module, subject: PoolingSubject, batch_size: int) -> None:
        super().__init__()
        self.layer, self.call, self.batch_size = layer, subject.call, batch_size

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor) -> tuple[Tensor, ...]:
        """The layer's result."""
        out = self.call(self.layer, Graphs(x, edge_index, edge_attr, batch, self.batch_size))
        assert out.edge_attr is not None, "edge_attr came in and must come out"
        return out.x, out.edge_attr, out.edge_index, out.batch, out.cluster, out.edge_cluster
