"""What the readouts over the history owe their user beyond the public assertions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gpool import HistoGraph, LayerResampler
from gpool.history import HistoryReadout

from .oracle import problem

MAKE: dict[str, Callable[[], HistoryReadout]] = {
    "HistoGraph": lambda: HistoGraph(8, heads=2),
    "HistoGraph softmax": lambda: HistoGraph(
        8, heads=2, norm="softmax", residual=True, layer_norm=True, feed_forward=2
    ),
    "HistoGraph mix": lambda: HistoGraph(8, heads=4, mix="learned", zero_token=True),
    "HistoGraph band": lambda: HistoGraph(8, heads=2, max_nodes=9),
    "HistoGraph depth only": lambda: HistoGraph(8, node_attention=False),
    "LayerResampler": lambda: LayerResampler(8, num_layers=3, latents=2, heads=2),
    "LayerResampler plain": lambda: LayerResampler(
        8, num_layers=3, latents=2, heads=2, residual=False, feed_forward=0, normalize=False
    ),
}
SIZES = [5, 1, 0, 9, 3, 8]


@pytest.fixture(params=MAKE)
def readout(request: pytest.FixtureRequest) -> HistoryReadout:
    return MAKE[request.param]().double()


@pytest.fixture
def batch() -> tuple[list[Tensor], Tensor, int]:
    return problem(SIZES, [8, 8, 8])


def close(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)


def test_width_and_dtype(readout: HistoryReadout, batch) -> None:
    y = readout(*batch)
    assert y.shape == (len(SIZES), readout.out_channels)
    assert y.dtype == torch.float64


def test_what_the_others_hold_changes_no_bit(readout: HistoryReadout, batch) -> None:
    history, index, size = batch
    band = getattr(readout, "attention", None) is not None and getattr(readout.attention, "max_nodes", None)
    other = (index == 3)[:, None]
    changed = [torch.where(other, 1e3 if band else float("nan"), x) for x in history]
    before, after = readout(history, index, size), readout(changed, index, size)
    keep = torch.arange(size) != 3
    assert torch.equal(before[keep], after[keep])
    assert not torch.equal(before[3], after[3])


def test_a_size_that_is_read_and_layers_that_are_stacked(readout: HistoryReadout, batch) -> None:
    history, index, size = batch
    y = readout(history, index, size)
    close(readout(history, index), y)
    close(readout(torch.stack(history, 1), index, size), y)


def test_parameters_are_drawn_anew_from_the_seed(readout: HistoryReadout) -> None:
    torch.manual_seed(5)
    readout.reset_parameters()
    once = [p.clone() for p in readout.parameters()]
    torch.manual_seed(5)
    readout.reset_parameters()
    assert all(torch.equal(a, b) for a, b in zip(once, readout.parameters(), strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types(readout: HistoryReadout, batch, dtype: torch.dtype) -> None:
    history, index, size = batch
    if isinstance(readout, HistoGraph):
        readout.norm = "softmax"  # the sum of signed scores may be near 0, which no half type survives
    want = readout(history, index, size)
    half = readout.to(dtype)([x.to(dtype) for x in history], index, size)
    assert half.dtype == dtype
    torch.testing.assert_close(half.double(), want, rtol=0.1, atol=0.1)


def test_autocast_and_its_gradients(readout: HistoryReadout, batch) -> None:
    history, index, size = batch
    readout.float()
    if isinstance(readout, HistoGraph):
        readout.norm = "softmax"
    history = [x.float().requires_grad_() for x in history]
    want = readout(history, index, size)
    with torch.autocast("cpu", torch.bfloat16):
        y = readout(history, index, size)
    torch.testing.assert_close(y.float(), want, rtol=0.1, atol=0.1)
    y.float().sum().backward()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in history)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_extremes(readout: HistoryReadout, batch, scale: float) -> None:
    history, index, size = batch
    history = [(scale * x).float().requires_grad_() for x in history]
    y = readout.float()(history, index, size)
    y.sum().backward()
    assert y.isfinite().all()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in history)


def test_dropout_only_in_training(batch) -> None:
    for readout in (
        HistoGraph(8, heads=2, dropout=0.5),
        LayerResampler(8, num_layers=3, heads=2, dropout=0.5),
    ):
        readout.double()
        assert not torch.equal(readout(*batch), readout(*batch))
        readout.eval()
        assert torch.equal(readout(*batch), readout(*batch))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HistoGraph(8, heads=3), "heads=3 must divide channels=8"),
        (lambda: HistoGraph(8, norm="sum"), "norm='sum' must be one of signed, softmax"),
        (lambda: HistoGraph(8, mix=1.5), "mix=1.5 must be"),
        (lambda: HistoGraph(8, mix="learn"), "mix='learn' must be"),
        (lambda: HistoGraph(8, dropout=1.0), "dropout=1.0"),
        (lambda: HistoGraph(8, eps=0.0), "eps=0.0"),
        (lambda: HistoGraph(8, feed_forward=-1), "feed_forward=-1"),
        (lambda: HistoGraph(8, in_channels=[8, 4], shared_projection=True), r"in_channels=\[8, 4\]"),
        (lambda: HistoGraph(8, shared_projection=False), "needs in_channels to list"),
        (lambda: LayerResampler(8, num_layers=3, heads=3), "heads=3 must divide"),
        (lambda: LayerResampler(8), "num_layers=None"),
        (
            lambda: LayerResampler(8, num_layers=3, in_channels=[8, 8]),
            "num_layers=3, but in_channels lists 2",
        ),
        (lambda: LayerResampler(8, num_layers=3, latents=0), "latents=0"),
    ],
)
def test_bad_options(make: Callable[[], HistoryReadout], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_histories() -> None:
    x, index = torch.zeros(5, 8), torch.zeros(5, dtype=torch.long)
    for readout in (HistoGraph(8, in_channels=[8, 8]), LayerResampler(8, num_layers=2)):
        for history, message in (
            ([x], "1 layers, but the readout was built for 2"),
            ([], "no layers"),
            (x, "nodes, layers, channels"),
            ([x, x[:4]], r"history\[1\]=\[4, 8\] must be \[5, 8\]"),
            ([x, x[:, :7]], r"history\[1\]=\[5, 7\] must be \[5, 8\]"),
        ):
            with pytest.raises(ValueError, match=message):
                readout(history, index, 1)
        with pytest.raises(ValueError, match=r"index=\[4\] must be \[5\]"):
            readout([x, x], index[:4], 1)


@pytest.mark.parametrize("node_attention", [True, False])
def test_sizes_that_disagree_are_refused(node_attention: bool) -> None:
    readout = HistoGraph(8, node_attention=node_attention)
    history, index = [torch.randn(5, 8)] * 2, torch.tensor([0, 1, 1, 0, 1])
    torch.testing.assert_close(readout(history, index, sizes=[2, 3]), readout(history, index))
    for sizes, message in (
        ([3, 2], r"sizes\[0\]=3 disagrees with index, where that graph has 2 nodes"),
        ([2, 2], "sizes add up to 4"),
        ([5], r"index runs from 0 to 1; .* len\(sizes\)=1"),
        ([2, 4, -1], "an entry of sizes=-1"),
    ):
        with pytest.raises((ValueError, IndexError), match=message):
            readout(history, index, sizes=sizes)
    with pytest.raises(ValueError, match="dim_size=3, but sizes lists 2"):
        readout(history, index, dim_size=3, sizes=[2, 3])


def test_graphs_and_types_that_do_not_fit_are_named() -> None:
    x, index = torch.zeros(5, 8), torch.tensor([0, 0, 1, 1, 2])
    for readout in (HistoGraph(8), HistoGraph(8, max_nodes=9), LayerResampler(8, num_layers=2)):
        for kind in (torch.float64, torch.float16, torch.int64):
            with pytest.raises(TypeError, match=rf"history\[1\] is {kind}; it must be torch.float32"):
                readout([x, x.to(kind)], index, 3)
        for wrong, size in ((index, 2), (index - 1, 3)):
            with pytest.raises(IndexError, match="index runs from"):
                readout([x, x], wrong, size)
        for kind in (torch.float32, torch.bool):
            with pytest.raises(TypeError, match=f"index is {kind}"):
                readout([x, x], index.to(kind), 3)
        assert torch.equal(readout([x, x], index.int(), 3), readout([x, x], index, 3))
