"""The assertions themselves: a right layer passes them all, and every kind of fault is caught by its own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation, AttentionalAggregation, SetTransformerAggregation
from torch_geometric.utils import scatter

from gpool.testing import Subject, assert_node_order, assert_readout, check


class Mean(Aggregation):
    """A readout without a fault; those below each have one."""

    out_channels = None

    def fault(self, x: Tensor, index: Tensor, dim_size: int) -> Tensor:
        return x

    def row(self, y: Tensor, count: Tensor) -> Tensor:
        return y

    def forward(self, x, index=None, ptr=None, dim_size=None, dim=-2) -> Tensor:
        if dim not in (-2, x.dim() - 2):
            return self.forward(x.movedim(dim, -2), index, ptr, dim_size).movedim(-2, dim)
        if ptr is not None and index is None:
            index = torch.repeat_interleave(ptr.diff(), output_size=x.size(dim))
        wide = x.float() if x.dtype == torch.bfloat16 else x
        total = scatter(self.fault(wide, index, dim_size), index, dim, dim_size, "sum")
        count = scatter(torch.ones_like(index), index, 0, dim_size, "sum").unsqueeze(-1)
        return self.row(total / count.clamp(min=1), count).to(x.dtype)


class ByPosition(Mean):
    def fault(self, x, index, dim_size):
        return x * torch.arange(x.size(-2), dtype=x.dtype).unsqueeze(-1)


class OverBatch(Mean):
    def fault(self, x, index, dim_size):
        return x - x.mean(-2, keepdim=True).nan_to_num()


class ByLabel(Mean):
    def fault(self, x, index, dim_size):
        return x + index.unsqueeze(-1)


class EmptyIsOne(Mean):
    def row(self, y, count):
        return torch.where(count > 0, y, 1.0)


class OneNodeIsNan(Mean):
    def row(self, y, count):
        return torch.where(count == 1, torch.nan, y)


class Overflows(Mean):
    def fault(self, x, index, dim_size):
        return x.exp().log()


class WrongGradient(Mean):
    def fault(self, x, index, dim_size):
        return 2 * x - x.detach()


class Random(Mean):
    def fault(self, x, index, dim_size):
        return x * (1 + 1e-3 * torch.rand(()))


class InPlace(Mean):
    def fault(self, x, index, dim_size):
        return x.mul_(2)


class WritesIntoItsInput(Mean):
    """Gives the same rows again, since what it writes the second time is there already."""

    def fault(self, x, index, dim_size):
        return x.relu() if x.requires_grad else x.relu_()


class LeaksNan(Mean):
    def fault(self, x, index, dim_size):
        return x + 0 * x.sum()


class IgnoresDim(Mean):
    def forward(self, x, index=None, ptr=None, dim_size=None, dim=-2):
        return super().forward(x, index[: x.size(-2)], ptr, dim_size)


class ReadsValues(Mean):
    def fault(self, x, index, dim_size):
        return x * (1.0 if float(x.sum()) > 1e9 else 2.0)


class NoPtr(Mean):
    def forward(self, x, index=None, ptr=None, dim_size=None, dim=-2):
        self.assert_index_present(index)
        return super().forward(x, index, None, dim_size, dim)


class TwoDimensions(Mean):
    def forward(self, x, index=None, ptr=None, dim_size=None, dim=-2):
        self.assert_two_dimensional_input(x, dim)
        return super().forward(x, index, ptr, dim_size, dim)


class Float32Out(Mean):
    def forward(self, x, index=None, ptr=None, dim_size=None, dim=-2):
        return super().forward(x, index, ptr, dim_size, dim).to(torch.promote_types(x.dtype, torch.float32))


class WrongWidth(Mean):
    out_channels = 5


class NoPickle(Mean):
    def __init__(self) -> None:
        super().__init__()
        self.function = lambda x: x


class Last(nn.Module):
    def forward(self, history: list[Tensor], index: Tensor, dim_size: int) -> Tensor:
        return scatter(history[0] * history[-1], index, 0, dim_size, "sum")


def test_a_right_layer_passes() -> None:
    report = check(Subject(Mean(), channels=3, size="mean"))
    assert report, str(report)
    assert len(report.outcomes) == 18
    assert_readout(Mean(), channels=3, size=lambda k: 1.0)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (ByPosition, "node_order"),
        (OverBatch, "batch_independence"),
        (ByLabel, "relabeling"),
        (EmptyIsOne, "empty_graph"),
        (EmptyIsOne, "larger_dim_size"),
        (OneNodeIsNan, "one_node"),
        (Overflows, "extremes"),
        (WrongGradient, "gradcheck"),
        (Random, "repeats"),
        (InPlace, "repeats"),
        (LeaksNan, "batch_independence"),
        (IgnoresDim, "leading_dimensions"),
        (ReadsValues, "compiles"),
        (ReadsValues, "exports"),
        (NoPtr, "ptr"),
        (TwoDimensions, "leading_dimensions"),
        (Float32Out, "bfloat16"),
        (WrongWidth, "conventions"),
        (NoPickle, "pickles"),
    ],
)
def test_a_fault_is_named(layer: type[Aggregation], name: str) -> None:
    report = check(Subject(layer(), channels=3))
    assert name in [outcome.name for outcome in report.failed], str(report)
    assert not report
    assert f"  {name}: " in str(report)
    with pytest.raises(AssertionError, match=name):
        assert_readout(layer(), channels=3)


def test_a_write_into_the_input_is_named() -> None:
    reasons = {o.name: o.reason for o in check(Subject(WritesIntoItsInput(), channels=3)).failed}
    assert reasons["repeats"] == "AssertionError: a call must not change its input"


def test_the_declared_size_behavior_is_held_to() -> None:
    assert [o.name for o in check(Subject(Mean(), 3, size="sum")).failed] == ["size"]


def test_peers_fail_where_they_are_known_to() -> None:
    failed = {o.name for o in check(Subject(SetTransformerAggregation(8, heads=2), 8)).failed}
    assert {"node_order", "compiles", "leading_dimensions"} <= failed
    assert {o.name for o in check(Subject(AttentionalAggregation(nn.Linear(8, 1)), 8)).failed} == {
        "conventions"
    }


def test_layers_over_several_tensors_are_called_as_told() -> None:
    subject = Subject(
        Last(),
        sample=lambda n: (torch.randn(n, 4), torch.randn(n, 4)),
        call=lambda layer, inputs, index, dim_size: layer(list(inputs), index, dim_size),
        aggregation=False,
        size="sum",
    )
    report = check(subject)
    assert report, str(report)
    assert len(report.outcomes) == 15
    assert_node_order(subject)
