"""Assertions on the layer as a program: repeated, pickled, compiled, exported, and named as PyG does."""

from __future__ import annotations

import pickle

import torch

from gpool.testing.gradients import finite
from gpool.testing.readout.subject import GRAPHS, SIZE, Held, Subject

__all__ = [
    "assert_compiles",
    "assert_conventions",
    "assert_exports",
    "assert_pickles",
    "assert_repeats",
]


def assert_repeats(subject: Subject) -> None:
    """The same call gives the same rows, to the last bit, and leaves its inputs as they were."""
    layer, inputs = subject.copy(torch.float32), subject.inputs(len(GRAPHS), torch.float32)
    before = tuple(v.clone() for v in inputs)
    first, second = (subject.call(layer, inputs, GRAPHS, SIZE) for _ in range(2))
    assert torch.equal(first, second), "two calls with the same input must give the same rows"
    assert all(map(torch.equal, before, inputs)), "a call must not change its input"


def assert_pickles(subject: Subject) -> None:
    """A pickled layer gives the same rows, and so does another that takes over its state."""
    layer, inputs = subject.copy(), subject.inputs(len(GRAPHS))
    again = pickle.loads(pickle.dumps(layer))
    again.load_state_dict(layer.state_dict())
    rows = (subject.call(v, inputs, GRAPHS, SIZE) for v in (layer, again))
    assert torch.equal(*rows), "a pickled layer must give the same rows"


def assert_compiles(subject: Subject) -> None:
    """One graph without a break under ``torch.compile(fullgraph=True)``: the same rows and gradients."""
    torch.compiler.reset()
    layer, inputs = subject.copy(), tuple(v.requires_grad_() for v in subject.inputs(len(GRAPHS)))
    held = Held(layer, subject)
    compiled = torch.compile(held, backend="aot_eager", fullgraph=True)
    y, expected = compiled(inputs, GRAPHS), held(inputs, GRAPHS)
    subject.close(y, expected, "compiled rows")
    weight = torch.randn_like(expected)
    wanted = (*inputs, *(p for p in layer.parameters() if p.requires_grad))
    for a, b in zip(
        *(torch.autograd.grad((v * weight).sum(), wanted, allow_unused=True) for v in (y, expected)),
        strict=True,
    ):
        assert (a is None) == (b is None), "a compiled layer must have the gradients of the layer"
        if a is not None and b is not None:
            subject.close(a, b, "a compiled gradient")


def assert_exports(subject: Subject) -> None:
    """``torch.export`` takes the layer for any number of nodes: no value is read off a tensor."""
    held, inputs = Held(subject.copy(), subject), subject.inputs(len(GRAPHS))
    nodes = torch.export.Dim("nodes", min=2, max=1 << 20)
    shapes = (tuple({0: nodes} for _ in inputs), {0: nodes})
    program = torch.export.export(held, (inputs, GRAPHS), dynamic_shapes=shapes, strict=False).module()
    for index in (GRAPHS, GRAPHS.repeat(2)):
        values = subject.inputs(len(index))
        subject.close(program(values, index), held(values, index), "exported rows")


def assert_conventions(subject: Subject) -> None:
    """``out_channels`` is the width, ``reset_parameters`` is there and repr is PyG's ``Name(...)``."""
    layer = subject.copy()
    y = subject.call(layer, subject.inputs(len(GRAPHS)), GRAPHS, SIZE)
    assert hasattr(layer, "out_channels"), (
        f"out_channels is missing; it must be the width of the rows, {y.size(-1)}"
    )
    width = layer.out_channels  # None: that of the input, whatever it is
    assert width in (None, y.size(-1)), f"out_channels={width} must be the width of the rows, {y.size(-1)}"
    assert repr(layer).startswith(f"{type(layer).__name__}("), (
        f"repr {layer!r} must start with the class name"
    )
    layer.reset_parameters()  # type: ignore[operator]
    finite(subject.call(layer, subject.inputs(len(GRAPHS)), GRAPHS, SIZE), "rows after reset_parameters")
