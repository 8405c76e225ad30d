"""The assertions on poolings: a right pooling passes them all, and every fault is caught by its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import gpool
from gpool.pooling import Pooled
from gpool.testing import PoolingSubject, assert_pooling, check_pooling, pooling

C = 4


class Right(gpool.SparseCoarsening):
    """A pooling without a fault; those below each have one."""

    def __init__(self, channels: int = C) -> None:
        super().__init__(channels, ratio=0.6)

    def pool(self, x, edge_index, edge_attr, batch, batch_size) -> Pooled:
        x = self.before(x, edge_index, batch)
        return self.after(super().pool(x, edge_index, edge_attr, batch, batch_size), batch)

    def before(self, x, edge_index, batch):
        return x

    def after(self, out: Pooled, batch) -> Pooled:
        return out


class ClusterOutOfRange(Right):
    def after(self, out, batch):
        return replace(out, cluster=out.cluster + 1)


class ClusterAcrossGraphs(Right):
    def after(self, out, batch):
        return replace(out, batch=out.batch.flip(0))


class EdgeToNobody(Right):
    def after(self, out, batch):
        return replace(out, edge_index=out.edge_index + 1)


class WrongWayDown(Right):
    def after(self, out, batch):
        return replace(out, edge_cluster=out.edge_cluster.roll(1))


class CopyWithoutDropped(Pooled):
    def lift(self, z):
        return z[self.cluster.clamp(min=0)]


class LiftsDropped(Right):
    def after(self, out, batch):
        return CopyWithoutDropped(**vars(out))


class LosesAttributes(Right):
    def after(self, out, batch):
        return replace(out, edge_attr=None)


class FlatFeatures(Right):
    def after(self, out, batch):
        attr = out.edge_attr
        return replace(out, edge_attr=attr if attr is None or attr.dim() == 1 else attr[:, :1])


class MixedColumns(Right):
    def after(self, out, batch):
        attr = out.edge_attr
        return replace(out, edge_attr=attr if attr is None or attr.dim() == 1 else attr.flip(1))


class ByPosition(Right):
    def before(self, x, edge_index, batch):
        return x * torch.arange(x.size(0), dtype=x.dtype).unsqueeze(1)


class OverBatch(Right):
    def before(self, x, edge_index, batch):
        return x - x.mean(0, keepdim=True).nan_to_num()


class EqualRowsByBatch(Right):
    """Only equal nodes betray it: distinct scores hide the place in the batch."""

    def before(self, x, edge_index, batch):
        place = torch.arange(x.size(0), dtype=x.dtype) * (-1) ** x.size(0)
        return x + 1e-10 * self.weight.detach() * place.unsqueeze(1)


class FillsEmptyGraphs(Right):
    def after(self, out, batch):
        return replace(out, batch=torch.zeros_like(out.batch))


class DropsSingleNodes(Right):
    def after(self, out, batch):
        return self._without(out) if batch.numel() == 1 else out

    def _without(self, out):
        return replace(out, x=out.x[:0], batch=out.batch[:0], cluster=out.cluster * 0 - 1)


class NanWithoutEdges(Right):
    def before(self, x, edge_index, batch):
        return x / (edge_index.size(1) > 0)


class Overflows(Right):
    def before(self, x, edge_index, batch):
        return x.exp().log()


class Float32Out(Right):
    def after(self, out, batch):
        return replace(out, x=out.x.to(torch.promote_types(out.x.dtype, torch.float32)))


class FaintInHalf(Right):
    def after(self, out, batch):
        return replace(out, x=out.x / 2 if torch.is_autocast_enabled("cpu") else out.x)


class WrongGradient(Right):
    def before(self, x, edge_index, batch):
        return 2 * x - x.detach()


class Random(Right):
    def before(self, x, edge_index, batch):
        return x * (1 + 1e-3 * torch.rand(()))


class InPlace(Right):
    def before(self, x, edge_index, batch):
        return x.mul_(2)


class WritesIntoItsInput(Right):
    """Gives the same graph again, since what it writes the second time is there already."""

    def before(self, x, edge_index, batch):
        return x.relu_()


class NoPickle(Right):
    def __init__(self) -> None:
        super().__init__()
        self.function = lambda x: x


class ReadsValues(Right):
    def before(self, x, edge_index, batch):
        return x * (1.0 if float(x.sum()) > 1e9 else 2.0)


class BadName(Right):
    def __repr__(self) -> str:
        return "a pooling"


class NoReset(Right):
    def reset_parameters(self) -> None:
        torch.nn.init.constant_(self.weight, torch.nan)


FAULTS = [
    (ClusterOutOfRange, "record", "cluster must use each"),
    (ClusterAcrossGraphs, "record", "in the graph of its nodes"),
    (EdgeToNobody, "record", "must join"),
    (WrongWayDown, "record", "ends"),
    (WrongWayDown, "compose", "ends"),
    (LiftsDropped, "compose", "lifted to zeros"),
    (LosesAttributes, "edge_attributes", "must be carried"),
    (FlatFeatures, "edge_attributes", "features .* must be"),
    (MixedColumns, "edge_attributes", "a column"),
    (ByPosition, "relabeling", "after relabeling"),
    (ByPosition, "unsorted_batch", "in a sorted batch"),
    (OverBatch, "batch_independence", "alone and in its batch"),
    (EqualRowsByBatch, "batch_independence", "alone and in its batch"),
    (FillsEmptyGraphs, "empty_graph", "must be empty"),
    (DropsSingleNodes, "one_node", "must keep one"),
    (NanWithoutEdges, "no_edges", "must be finite"),
    (Overflows, "extremes", "must be finite"),
    (Float32Out, "bfloat16", "must give bfloat16"),
    (FaintInHalf, "autocast", "not close"),
    (WrongGradient, "gradcheck", "Jacobian mismatch"),
    (Random, "repeats", "the same graph"),
    (InPlace, "repeats", "the same graph"),
    (WritesIntoItsInput, "repeats", "must not change its input"),
    (NoPickle, "pickles", "pickle"),
    (ReadsValues, "compiles", "graph break|data-dependent|item"),
    (ReadsValues, "exports", "graph break|data-dependent|item"),
    (BadName, "conventions", "class name"),
    (NoReset, "conventions", "after reset_parameters"),
]


def test_a_right_pooling_passes() -> None:
    report = check_pooling(PoolingSubject(Right(), channels=C))
    assert report, str(report)
    assert len(report.outcomes) == 18
    assert {o.name for o in report} == {name for _, name, _ in FAULTS}
    assert_pooling(Right(), channels=C)


@pytest.mark.parametrize(("layer", "name", "reason"), FAULTS)
def test_a_fault_is_caught(layer: type[Right], name: str, reason: str) -> None:
    if layer is NoReset:
        made = Right()
        made.__class__ = NoReset  # drawn well, and spoiled when drawn again
    else:
        made = layer()
    assertion = getattr(pooling, f"assert_{name}")
    assertion(PoolingSubject(Right(), C))
    with pytest.raises(Exception, match=reason):
        assertion(PoolingSubject(made, C))


def test_a_fault_is_named() -> None:
    report = check_pooling(PoolingSubject(OverBatch(), C))
    assert "batch_independence" in [o.name for o in report.failed], str(report)
    assert "  batch_independence: AssertionError: " in str(report)
    with pytest.raises(AssertionError, match="batch_independence"):
        assert_pooling(OverBatch(), C)
