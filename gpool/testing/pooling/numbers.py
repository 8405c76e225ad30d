"""Assertions on numbers: extremes, half precision and gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.pooling.pooled import Pooled
from gpool.testing.gradients import backward, finite
from gpool.testing.pooling.subject import Held, PoolingSubject, first_place

__all__ = ["assert_autocast", "assert_bfloat16", "assert_extremes", "assert_gradcheck"]


def assert_extremes(subject: PoolingSubject) -> None:
    """Inputs of plus and minus 1e4, and zeros, give finite values and gradients in float32 and bfloat16."""
    for dtype in (torch.float32, torch.bfloat16):
        for scale in (subject.scale, -subject.scale, 0.0):
            layer, graphs = subject.copy(dtype), subject.graphs(dtype)
            x = graphs.x.sign() * scale if scale > 0 else torch.full_like(graphs.x, scale)
            out = subject.call(layer, graphs._replace(x=x.requires_grad_()))
            finite(out.x, f"rows of {dtype} inputs of size {scale}")
            backward(layer, (x,), out.x, f"a gradient of {dtype} inputs of size {scale}")


def assert_bfloat16(subject: PoolingSubject) -> None:
    """bfloat16 in, bfloat16 out, and near to what float32 gives where it pools the same nodes."""
    layer, graphs = subject.copy(torch.bfloat16), subject.graphs(torch.bfloat16)
    out = subject.call(layer, graphs)
    assert out.x.dtype == torch.bfloat16, f"bfloat16 inputs must give bfloat16 rows, got {out.x.dtype}"
    assert graphs.edge_attr is not None
    wide = graphs._replace(x=graphs.x.float(), edge_attr=graphs.edge_attr.float())
    _near(out, subject.call(layer.float(), wide), graphs.batch)


def assert_autocast(subject: PoolingSubject) -> None:
    """Under autocast the rows are near to those without it where the same nodes are pooled."""
    layer, graphs = subject.copy(torch.float32), subject.graphs(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = subject.call(layer, graphs)
    _near(out, subject.call(layer, graphs), graphs.batch)


def _near(out: Pooled, exact: Pooled, batch: Tensor) -> None:
    """Scores that rounding reorders pool other nodes; the graphs where it did not are compared."""
    finite(out.x, "rows in half precision")
    moved = first_place(out.cluster) != first_place(exact.cluster)
    keep = ~torch.isin(batch, batch[moved])
    assert bool(keep.any()), "half precision must not change how every graph is pooled"
    y, expected = out.lift(out.x).float()[keep], exact.lift(exact.x).detach()[keep]
    torch.testing.assert_close(y, expected, rtol=0.05, atol=0.05 * float(expected.abs().max()))


def assert_gradcheck(subject: PoolingSubject) -> None:
    """Gradients in the features, the edge weights and all parameters are those of finite differences."""
    layer, graphs = subject.copy(), subject.graphs()
    assert graphs.edge_attr is not None
    given = (graphs.x.requires_grad_(), graphs.edge_attr.requires_grad_())
    learned = {name: v.detach().requires_grad_() for name, v in layer.named_parameters() if v.requires_grad}
    held = Held(layer, subject, graphs.batch_size)

    def call(x: Tensor, edge_attr: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        values = {f"layer.{k}": v for k, v in zip(learned, tensors, strict=True)}
        out = torch.func.functional_call(held, values, (x, graphs.edge_index, edge_attr, graphs.batch))
        return tuple(v for v in out if v.is_floating_point())

    assert torch.autograd.gradcheck(call, (*given, *learned.values()), fast_mode=True)
