"""HistoGraph as its equations read: loops over graphs, nodes, layers and heads, every tensor built."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gpool import HistoGraph


def encoding(num_layers: int, channels: int) -> Tensor:
    p = torch.zeros(num_layers, channels, dtype=torch.float64)
    for l in range(num_layers):
        for c in range(channels):
            angle = l / 10000 ** (2 * (c // 2) / channels)
            p[l, c] = math.sin(angle) if c % 2 == 0 else math.cos(angle)
    return p


def weights_of(c: Tensor, norm: str, eps: float) -> Tensor:
    """One graph's scores [L] -> weights [L]."""
    num_layers = c.numel()
    if norm == "none":
        return c
    if norm == "uniform":
        return torch.full_like(c, 1 / num_layers)
    if norm == "last":
        return torch.eye(num_layers, dtype=c.dtype)[-1]
    if norm == "softmax":
        return c.exp() / c.exp().sum()
    total, size = c.sum(), c.abs().sum()
    if size == 0:
        return torch.full_like(c, 1 / num_layers)
    if total.abs() < eps * size:
        return c / math.copysign(eps * float(size), float(total))
    return c / total


def self_attention(readout: HistoGraph, h: Tensor) -> Tensor:
    """One graph's nodes [n, C] -> [n, C]."""
    attention = readout.attention
    assert attention is not None
    n, channels = h.shape
    width = channels // attention.heads
    q, k, v = (h @ attention.in_proj.weight.T + attention.in_proj.bias).split(channels, dim=1)
    read = torch.zeros_like(h)
    for head in range(attention.heads):
        part = slice(head * width, (head + 1) * width)
        for i in range(n):
            score = torch.stack([q[i, part] @ k[j, part] / math.sqrt(width) for j in range(n)])
            if attention.zero_token:
                score = torch.cat([score, score.new_zeros(1)])
            weight = score.softmax(0)[:n]
            read[i, part] = sum(weight[j] * v[j, part] for j in range(n))
    return read @ attention.out_proj.weight.T + attention.out_proj.bias


def attended(readout: HistoGraph, h: Tensor) -> Tensor:
    """One graph's nodes after all that follows the mix of the layers, [n, C] -> [n, C]."""
    rows = h
    if readout.attention is not None:
        rows = self_attention(readout, h)
        rows = rows + h if readout.residual else rows
    rows = rows if readout.norm_layer is None else readout.norm_layer(rows)
    if (block := readout.feed_forward) is not None:
        hidden = (rows @ block.inner.weight.T + block.inner.bias).clamp(min=0)
        out = hidden @ block.outer.weight.T + block.outer.bias
        rows = rows + out if block.residual else out
        rows = rows if block.norm is None else block.norm(rows)
    return rows


def histograph(
    readout: HistoGraph, history: Sequence[Tensor], index: Tensor, dim_size: int
) -> dict[str, Tensor]:
    num_layers, channels = len(history), readout.channels
    linears = [readout.embed[min(l, len(readout.embed) - 1)] for l in range(num_layers)]
    p = encoding(num_layers, channels) if readout.pos_enc else torch.zeros(num_layers, channels).double()
    plain = [x @ f.weight.T + f.bias for x, f in zip(history, linears, strict=True)]
    xt = torch.stack([x + p[l] for l, x in enumerate(plain)], dim=1)  # [N, L, C]
    s = torch.zeros(len(index), num_layers, dtype=xt.dtype)
    for v in range(len(index)):
        q = readout.query(xt[v, -1])
        for l in range(num_layers):
            s[v, l] = q @ readout.key(xt[v, l]) / math.sqrt(channels)
    h, z = (
        torch.zeros(len(index), channels, dtype=xt.dtype),
        torch.zeros(len(index), channels, dtype=xt.dtype),
    )
    c, alpha, g, y = [], [], [], []
    for graph in range(dim_size):
        nodes = (index == graph).nonzero().flatten()
        if nodes.numel() == 0:
            c.append(s.new_zeros(num_layers))
            alpha.append(s.new_full((num_layers,), math.nan))
            g.append(s.new_zeros(channels))
            y.append(s.new_zeros(channels))
            continue
        c.append(s[nodes].mean(0))
        alpha.append(weights_of(c[-1], readout.norm, readout.eps))
        for v in nodes:
            h[v] = sum(alpha[-1][l] * xt[v, l] for l in range(num_layers))
        z[nodes] = attended(readout, h[nodes])
        g.append(z[nodes].mean(0))
        last = history[-1] if history[-1].size(1) == channels else plain[-1]
        share = readout.theta.sigmoid() if readout.theta is not None else readout.mix
        y.append(g[-1] if share is None else share * g[-1] + (1 - share) * last[nodes].mean(0))
    stacked = {"c": torch.stack(c), "alpha": torch.stack(alpha), "G": torch.stack(g), "Y": torch.stack(y)}
    return {"P": p, "Xt": xt, "s": s, "H": h, "Z": z, **stacked}


def problem(sizes: list[int], widths: list[int], seed: int = 0) -> tuple[list[Tensor], Tensor, int]:
    """A random history in float64, the index in random order, and the number of graphs."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes, dtype=torch.long))
    index = index[torch.randperm(index.numel(), generator=generator)]
    history = [torch.randn(index.numel(), w, generator=generator, dtype=torch.float64) for w in widths]
    return history, index, len(sizes)
