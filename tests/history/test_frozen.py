"""The frozen variant: cached activations, and gradients that stop at the readout."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GCNConv

from gpool import HistoGraph
from gpool.history import CachedHistory, cache_history


class Backbone(nn.Module):
    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(GCNConv(a, b) for a, b in zip([3, *widths], widths, strict=False))
        self.dropout = nn.Dropout(0.5)

    def forward(self, batch: Data) -> list[Tensor]:
        x, history = batch.x, []
        for conv in self.convs:
            x = self.dropout(conv(x, batch.edge_index).relu())
            history.append(x)
        return history


def graphs() -> list[Data]:
    return [
        Data(x=torch.randn(n, 3), edge_index=torch.randint(n, (2, 2 * n)), y=torch.tensor([float(n)]))
        for n in (4, 1, 6, 3, 5)
    ]


def test_cached_rows_are_the_backbones() -> None:
    backbone, data = Backbone([4, 6]), graphs()
    cached = cache_history(backbone, DataLoader(data, batch_size=2), dtype=torch.float64)
    assert backbone.training
    backbone.eval()
    for plain, kept in zip(data, cached, strict=True):
        assert kept.x.dtype == torch.float64
        assert kept.x.untyped_storage().nbytes() == kept.x.numel() * 8
        assert not kept.x.requires_grad
        assert torch.equal(kept.y, plain.y)
        assert torch.equal(kept.edge_index, plain.edge_index)
        for got, want in zip(CachedHistory([4, 6])(kept.x), backbone(plain), strict=True):
            torch.testing.assert_close(got, want)
    half = cache_history(backbone, data)
    assert all(d.x.dtype == torch.float16 for d in half)


def test_head_gradients_are_those_of_the_joint_model_with_a_detached_history() -> None:
    backbone, data = Backbone([4, 6]).eval(), graphs()
    readout = HistoGraph(6, heads=2, in_channels=[4, 6], mix="learned")
    whole = Batch.from_data_list(data)
    history = [x.detach() for x in backbone(whole)]
    readout(history, whole.batch, 5).square().sum().backward()
    want = [p.grad.clone() for p in readout.parameters()]
    readout.zero_grad()
    cached = Batch.from_data_list(cache_history(backbone, data, dtype=torch.float32))
    readout(CachedHistory([4, 6])(cached.x, cached.edge_index), cached.batch, 5).square().sum().backward()
    for p, w in zip(readout.parameters(), want, strict=True):
        torch.testing.assert_close(p.grad, w, rtol=1e-4, atol=1e-5)
    assert all(p.grad is None for p in backbone.parameters())
