"""Classes that a configuration names in the tests."""

from torch import Tensor, nn
from torch_geometric.nn.aggr import SumAggregation


class Whole(nn.Module):
    """A model that is told both of its widths by the data."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> Tensor:
        return x


class Needs(SumAggregation):
    """A readout that must be told its width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
