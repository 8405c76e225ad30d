"""Assertions on the pooling as a program: repeated, pickled, compiled, exported, and named as PyG does."""

from __future__ import annotations

import pickle

import torch
from torch import Tensor

from gpool.testing.gradients import finite
from gpool.testing.pooling.subject import Held, PoolingSubject

__all__ = ["assert_compiles", "assert_conventions", "assert_exports", "assert_pickles", "assert_repeats"]


def _held(subject: PoolingSubject) -> tuple[Held, tuple[Tensor, ...]]:
    x, edge_index, edge_attr, batch, size = subject.graphs()
    assert edge_attr is not None
    return Held(subject.copy(), subject, size), (x, edge_index, edge_attr, batch)


def assert_repeats(subject: PoolingSubject) -> None:
    """The same call gives the same graph, to the last bit, and leaves its inputs as they were."""
    held, inputs = _held(subject)
    before = tuple(v.clone() for v in inputs)
    first, second = held(*inputs), held(*inputs)
    assert all(map(torch.equal, first, second)), "two calls with the same input must give the same graph"
    assert all(map(torch.equal, before, inputs)), "a call must not change its input"


def assert_pickles(subject: PoolingSubject) -> None:
    """A pickled layer gives the same graph, and so does another that takes over its state."""
    held, inputs = _held(subject)
    again = pickle.loads(pickle.dumps(held.layer))
    again.load_state_dict(held.layer.state_dict())
    other = Held(again, subject, held.batch_size)(*inputs)
    assert all(map(torch.equal, held(*inputs), other)), "a pickled layer must give the same graph"


def assert_compiles(subject: PoolingSubject) -> None:
    """One graph without a break under ``torch.compile(fullgraph=True)``: the same values and gradients."""
    torch.compiler.reset()
    held, inputs = _held(subject)
    inputs[0].requires_grad_()
    y, expected = torch.compile(held, backend="aot_eager", fullgraph=True)(*inputs), held(*inputs)
    for a, b in zip(y, expected, strict=True):
        subject.close(a, b, "a compiled result")
    weight = torch.randn_like(expected[0])
    wanted = (inputs[0], *(p for p in held.parameters() if p.requires_grad))
    for a, b in zip(
        *(torch.autograd.grad((v[0] * weight).sum(), wanted, allow_unused=True) for v in (y, expected)),
        strict=True,
    ):
        assert (a is None) == (b is None), "a compiled layer must have the gradients of the layer"
        if a is not None and b is not None:
            subject.close(a, b, "a compiled gradient")


def assert_exports(subject: PoolingSubject) -> None:
    """``torch.export`` takes the layer for any number of nodes and edges."""
    held, inputs = _held(subject)
    size = torch.export.Dim.DYNAMIC
    shapes = ({0: size}, {1: size}, {0: size}, {0: size})
    program = torch.export.export(held, inputs, dynamic_shapes=shapes, strict=False).module()
    x, edge_index, edge_attr, batch = inputs
    twice = (
        x.repeat(2, 1),
        torch.cat([edge_index, edge_index + len(x)], 1),
        edge_attr.repeat(2),
        batch.repeat(2),
    )
    for given in (inputs, twice):
        for a, b in zip(program(*given), held(*given), strict=True):
            subject.close(a, b, "an exported result")


def assert_conventions(subject: PoolingSubject) -> None:
    """``channels`` is the width, ``reset_parameters`` is there and repr is PyG's ``Name(...)``."""
    layer = subject.copy()
    width = getattr(layer, "channels", None)
    assert width == subject.channels, f"channels={width} must be the width of the rows, {subject.channels}"
    assert repr(layer).startswith(f"{type(layer).__name__}("), (
        f"repr {layer!r} must start with the class name"
    )
    layer.reset_parameters()  # type: ignore[operator]
    out = subject.call(layer, subject.graphs())
    assert out.x.size(1) == width, f"rows of width {out.x.size(1)} must keep the {width} channels"
    finite(out.x, "rows after reset_parameters")
