"""Assertions on numbers: extremes, half precision and gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.testing.gradients import backward, finite
from gpool.testing.readout.subject import GRAPHS, SIZE, Held, Subject

__all__ = [
    "assert_autocast",
    "assert_bfloat16",
    "assert_extremes",
    "assert_gradcheck",
    "assert_shows_nan",
]


def assert_extremes(subject: Subject) -> None:
    """Inputs of plus and minus 1e4, and zeros, give finite values and gradients in float32 and bfloat16."""
    for dtype in (torch.float32, torch.bfloat16):
        for scale in (subject.scale, -subject.scale, 0.0):
            layer = subject.copy(dtype)
            inputs = tuple(
                (v.sign() * scale if scale > 0 else torch.full_like(v, scale)).requires_grad_()
                for v in subject.inputs(len(GRAPHS), dtype)
            )
            y = subject.call(layer, inputs, GRAPHS, SIZE)
            finite(y, f"rows of {dtype} inputs of size {scale}")
            backward(layer, inputs, y, f"a gradient of {dtype} inputs of size {scale}")


def assert_shows_nan(subject: Subject) -> None:
    """A node of NaN, wherever it stands, gives its graph a row with NaN: a diverged model is not hidden."""
    for node in range(len(GRAPHS)):
        layer, inputs = subject.copy(), subject.inputs(len(GRAPHS))
        gone = tuple(v.index_fill(0, torch.tensor([node]), torch.nan) for v in inputs)
        row = subject.call(layer, gone, GRAPHS, SIZE)[GRAPHS[node]]
        assert row.isnan().any(), f"node {node} is NaN, but the row of its graph is {row}"


def assert_bfloat16(subject: Subject) -> None:
    """bfloat16 in, bfloat16 out, and near to what float32 gives."""
    inputs = subject.inputs(len(GRAPHS), torch.bfloat16)
    y = subject.call(subject.copy(torch.bfloat16), inputs, GRAPHS, SIZE)
    assert y.dtype == torch.bfloat16, f"bfloat16 inputs must give bfloat16 rows, got {y.dtype}"
    exact = subject.call(subject.copy(torch.bfloat16).float(), tuple(v.float() for v in inputs), GRAPHS, SIZE)
    torch.testing.assert_close(y.float(), exact, rtol=0.05, atol=0.05 * float(exact.detach().abs().max()))


def assert_autocast(subject: Subject) -> None:
    """Under autocast the rows are near to those without it."""
    layer, inputs = subject.copy(torch.float32), subject.inputs(len(GRAPHS), torch.float32)
    exact = subject.call(layer, inputs, GRAPHS, SIZE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = subject.call(layer, inputs, GRAPHS, SIZE)
    torch.testing.assert_close(y.float(), exact, rtol=0.05, atol=0.05 * float(exact.detach().abs().max()))


def assert_gradcheck(subject: Subject) -> None:
    """Gradients in all inputs and parameters are those of finite differences, in float64."""
    layer, inputs = subject.copy(), tuple(v.requires_grad_() for v in subject.inputs(len(GRAPHS)))
    learned = {name: v.detach().requires_grad_() for name, v in layer.named_parameters() if v.requires_grad}
    held = Held(layer, subject)

    def call(*tensors: Tensor) -> Tensor:
        values = {f"layer.{k}": v for k, v in zip(learned, tensors[len(inputs) :], strict=True)}
        return torch.func.functional_call(held, values, (tensors[: len(inputs)], GRAPHS))

    assert torch.autograd.gradcheck(call, (*inputs, *learned.values()))
