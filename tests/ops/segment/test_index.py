"""An index and a ptr are looked at once, and what does not fit is refused with the argument's name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

import gpool
from gpool.ops.checks import arguments, check_values
from gpool.ops.segment import (
    Magnitude,
    Segments,
    resolve,
    segment_attend,
    segment_broadcast,
    segment_count,
    segment_logsumexp,
    segment_max,
    segment_mean,
    segment_min,
    segment_norm,
    segment_softmax,
    segment_sum,
)

Function = Callable[..., Tensor]
FUNCTIONS: dict[str, Function] = {
    "sum": segment_sum,
    "mean": segment_mean,
    "max": segment_max,
    "min": segment_min,
    "softmax": segment_softmax,
    "logsumexp": segment_logsumexp,
    "norm": lambda x, *a, **k: segment_norm(x, 2.0, 0.5, *a, magnitude=Magnitude("abs", 0.1), **k),
    "count": lambda x, *a, **k: segment_count(*a, **k),
    "attend": lambda x, *a, **k: segment_attend(x[:, :1], x, *a, **k),
    "broadcast": lambda x, index=None, ptr=None, dim_size=3: segment_broadcast(x[:dim_size], index, ptr),
    "GNP": gpool.GNP(4),
    "GNP both": gpool.GNP(4, branch="both"),
    "PowerMean": gpool.PowerMean(4),
    "PowerMean shift": gpool.PowerMean(4, negative="shift"),
    "LogMeanExp": gpool.LogMeanExp(None),
}
every = pytest.mark.parametrize("name", list(FUNCTIONS))


@pytest.fixture
def x() -> Tensor:
    return torch.rand(12, 4)


@every
@pytest.mark.parametrize("ptr", [[0, 1000, 9, 12], [0, 9, 5, 12], [0, -3, 9, 12], [0, 13, 12, 12]])
def test_a_ptr_that_falls_is_refused(name: str, ptr: list[int], x: Tensor) -> None:
    with pytest.raises(ValueError, match="ptr falls from"):
        FUNCTIONS[name](x, ptr=torch.tensor(ptr))


@every
def test_what_holds_no_integers_is_refused(name: str, x: Tensor) -> None:
    index, ptr = torch.arange(12) // 5, torch.tensor([0, 5, 10, 12])
    for kind in (torch.float32, torch.bool, torch.float64):
        with pytest.raises(TypeError, match=f"index is {kind}"):
            FUNCTIONS[name](x, index.to(kind), dim_size=3)
        with pytest.raises(TypeError, match=f"ptr is {kind}"):
            FUNCTIONS[name](x, ptr=ptr.to(kind))


@every
def test_int32_is_right(name: str, x: Tensor) -> None:
    index, ptr = torch.randint(3, (12,)), torch.tensor([0, 5, 10, 12])
    function = FUNCTIONS[name]
    assert torch.equal(function(x, index.int(), dim_size=3), function(x, index, dim_size=3))
    assert torch.equal(function(x, ptr=ptr.int()), function(x, ptr=ptr))


@every
@pytest.mark.parametrize("wrong", [-1, 3, 10**9, -(2**62)])
@pytest.mark.parametrize("kind", [torch.int64, torch.int32])
def test_an_index_out_of_range_is_refused(name: str, wrong: int, kind: torch.dtype, x: Tensor) -> None:
    index = (torch.arange(12) // 5).to(kind)
    index[7] = wrong if kind == torch.int64 else max(wrong, -5)
    # PyG's Aggregation has words of its own for an index beyond dim_size.
    with pytest.raises((IndexError, ValueError), match=r"index runs from .* must lie in 0 \.\. 2|'dim_size'"):
        FUNCTIONS[name](x, index, dim_size=3)


@pytest.mark.parametrize("width", [1, 3, 64])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("nodes", [1, 5, 3000])
def test_kernels_that_refuse_an_index_do_so_at_every_width(width: int, kind: torch.dtype, nodes: int) -> None:
    """Sum, maximum and what begins with a maximum leave the look to the kernel, which looks anyway."""
    x = torch.rand(nodes, width).to(kind).requires_grad_()
    for wrong in (-1, 2, 10**12):
        index = torch.zeros(nodes, dtype=torch.long)
        index[-1] = wrong
        for name in ("sum", "max", "min", "softmax", "logsumexp", "attend"):
            with pytest.raises(IndexError, match="index runs from"):
                FUNCTIONS[name](x, index, dim_size=2)


def test_an_index_of_rows_without_numbers_is_looked_at(x: Tensor) -> None:
    for name in ("softmax", "logsumexp", "norm", "LogMeanExp"):
        with pytest.raises(IndexError, match="index runs from -1 to 0"):
            FUNCTIONS[name](x[:, :0], torch.tensor([0] * 11 + [-1]), dim_size=2)


@every
def test_no_place_for_entries_is_refused(name: str, x: Tensor) -> None:
    with pytest.raises((IndexError, ValueError), match=r"dim_size|y\.size"):
        FUNCTIONS[name](x, torch.zeros(12, dtype=torch.long), dim_size=0)
    if name not in ("broadcast", "count"):
        with pytest.raises((IndexError, ValueError), match=r"dim_size=0|'dim_size'"):
            FUNCTIONS[name](x, dim_size=0)
    if name != "broadcast":
        for wrong in (-1, 2.5):
            with pytest.raises((TypeError, ValueError), match=f"dim_size={wrong}|'{wrong}'"):
                FUNCTIONS[name](x, torch.zeros(12, dtype=torch.long), dim_size=wrong)


def test_a_dimension_out_of_range_is_named(x: Tensor) -> None:
    for name in ("sum", "mean", "max", "softmax", "logsumexp", "norm"):
        with pytest.raises(IndexError, match=r"dim=2 must lie in -2 \.\. 1"):
            FUNCTIONS[name](x, torch.zeros(12, dtype=torch.long), dim_size=1, dim=2)


def test_an_index_is_looked_at_once_per_call(x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    plain = arguments.checked_size

    def counted(name: str, *rest: object) -> int:
        looks.append(name)
        return plain(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("gpool.ops.segment._index.checked_size", counted)
    index = torch.arange(12) // 5
    for name, function in FUNCTIONS.items():
        looks.clear()
        function(x, index, dim_size=3)
        assert len(looks) <= 1, name
    history = [x, x, x]
    for readout in (gpool.HistoGraph(4, heads=2), gpool.LayerResampler(4, num_layers=3)):
        looks.clear()
        readout(history, index, dim_size=3)
        assert looks == ["index"]


def test_segments_are_taken_as_they_are(x: Tensor) -> None:
    index = torch.tensor([2, 0, 1] * 4)
    segments = resolve(index, None, 3, 12)
    for name in ("sum", "mean", "max", "softmax", "logsumexp", "norm", "attend"):
        assert torch.equal(FUNCTIONS[name](x, segments), FUNCTIONS[name](x, index, dim_size=3))
    with pytest.raises(ValueError, match="index has 12 entries; it must have 5"):
        segment_sum(x[:5], segments)


def test_the_switch(x: Tensor) -> None:
    index, far = torch.arange(12) // 5, torch.tensor([0, 5, 10, 12])
    with check_values(False):
        assert torch.equal(segment_sum(x, index, dim_size=3), segment_sum(x, ptr=far))
        with pytest.raises((IndexError, RuntimeError), match="out of"):  # the kernel's own words
            segment_sum(x, index + 1, dim_size=3)
    with pytest.raises(IndexError, match="index runs from 1 to 3"):
        segment_sum(x, index + 1, dim_size=3)


def test_the_switch_of_a_process() -> None:
    code = "import torch; from gpool.ops.checks import values_checked; print(values_checked(torch.ones(1)))"
    root = str(Path(gpool.__file__).parents[1])
    for value, expected in (("0", "False"), ("1", "True")):
        environment = {**os.environ, "PYTHONPATH": root, "GPOOL_CHECK_VALUES": value}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert done.stdout.strip() == expected, done.stderr


def test_nothing_is_read_in_traces_and_transforms(x: Tensor) -> None:
    index = torch.arange(12) // 5

    def total(x: Tensor, index: Tensor) -> Tensor:
        return segment_mean(x, index, dim_size=3)

    expected = total(x, index)
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(x), mode.from_tensor(index)
        assert total(*fake).shape == (3, 4)
    assert segment_sum(*fake, dim_size=3).shape == (3, 4)
    assert total(x.to("meta"), index.to("meta")).shape == (3, 4)
    for tracing in ("real", "fake", "symbolic"):
        assert torch.equal(make_fx(total, tracing_mode=tracing)(x, index)(x, index), expected)
    both = torch.func.vmap(total)(torch.stack([x, x]), torch.stack([index, index]))
    torch.testing.assert_close(both, torch.stack([expected, expected]))
    torch.testing.assert_close(torch.func.functionalize(total)(x, index), expected)
    assert isinstance(resolve(index, None, 3, 12), Segments)


def test_derivatives_by_functions(x: Tensor) -> None:
    index = torch.arange(12) // 5
    for name in ("sum", "mean"):

        def total(x: Tensor, index: Tensor = index, name: str = name) -> Tensor:
            return FUNCTIONS[name](x, index, dim_size=3).square().sum()

        expected = torch.autograd.functional.jacobian(total, x)
        torch.testing.assert_close(torch.func.grad(total)(x), expected)
        value, pull = torch.func.vjp(total, x)
        torch.testing.assert_close(pull(torch.ones_like(value))[0], expected)
        _, tangent = torch.func.jvp(total, (x,), (torch.ones_like(x),))
        torch.testing.assert_close(tangent, expected.sum())


@every
def test_gradients_by_functions_are_those_by_backward(name: str, x: Tensor) -> None:
    if name in ("count", "broadcast"):
        return
    index = torch.tensor([2, 0, 1] * 4)

    def total(x: Tensor) -> Tensor:
        return FUNCTIONS[name](x, index, dim_size=3).square().sum()

    leaf = x.clone().requires_grad_()
    total(leaf).backward()
    torch.testing.assert_close(torch.func.grad(total)(x), leaf.grad)
