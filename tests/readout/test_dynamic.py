"""Two calls of readouts in one model, compiled for any number of nodes, where numbers become symbols."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch_geometric.nn import GraphConv

import gpool

READOUTS: dict[str, Callable[[], nn.Module]] = {
    "GNP": lambda: gpool.GNP(4),
    "GNP inverse": lambda: gpool.GNP(4, param="inverse"),
    "GNP both": lambda: gpool.GNP(4, branch="both", mix="sum", negative="split"),
    "GNP fixed": lambda: gpool.GNP(4, p=2.5, q=0.5, learn=False),
    "GNP fixed both": lambda: gpool.GNP(4, p=2.5, learn=False, branch="both", eps_mode="clamp"),
    "PowerMean": lambda: gpool.PowerMean(4, groups=2),
    "PowerMean fixed": lambda: gpool.PowerMean(4, p=2.5, learn=False),
    "PowerMean shift": lambda: gpool.PowerMean(4, p=2.5, learn=False, negative="shift"),
    "LogMeanExp": lambda: gpool.LogMeanExp(4),
    "GeneralizedSum": lambda: gpool.GeneralizedSum(4, prototypes=3),
    "Mixture": lambda: gpool.Mixture([gpool.GNP(4), gpool.LogMeanExp(4)], gate="graph", channels=4),
    "Nested": lambda: gpool.Nested(gpool.GNP(4), gpool.LogMeanExp(4)),
    "Slots": lambda: gpool.Slots(4, slots=1),
    "Slots mixture": lambda: gpool.Slots(4, slots=2, mixture=True),
    "TokenGraph": lambda: gpool.TokenGraph(4, convs=[GraphConv(4, 4)], readout=gpool.GNP(8), tau=0.9),
    "LogMeanExp fixed": lambda: gpool.LogMeanExp(None, tau=0.7, learn=False),
}


class Twice(nn.Module):
    """The sum of two readouts, which may be one that is called twice."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        return self.first(x, index, dim_size=3) + self.second(x.tanh(), index, dim_size=3)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", list(READOUTS))
def test_two_of_a_kind_are_one_graph_of_any_size(name: str, shared: bool) -> None:
    torch.compiler.reset()
    first = READOUTS[name]()
    model = Twice(first, first if shared else READOUTS[name]())
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, backend=counter, dynamic=True, fullgraph=True)
    counts = []
    for nodes in (7, 11, 19):
        x, index = (torch.rand(nodes, 4) + 0.1).requires_grad_(), torch.arange(nodes) % 3
        y, expected = compiled(x, index), model(x, index)
        torch.testing.assert_close(y, expected)
        wanted = [x, *(p for p in model.parameters() if p.requires_grad)]
        found = (torch.autograd.grad(v.square().sum(), wanted) for v in (y, expected))
        torch.testing.assert_close(*found)
        counts.append(counter.frame_count)
    assert counts[1:] == counts[:-1]  # nothing is compiled anew for another size
