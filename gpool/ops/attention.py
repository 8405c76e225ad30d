"""Multi-head self-attention inside every graph of a batch: the one attention of the package."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gpool.ops._attention_band import band_attention
from gpool.ops._attention_buckets import bucket_attention
from gpool.ops._attention_op import opaque_attention
from gpool.ops.checks import values_checked
from gpool.ops.row_checks import check_ids, is_integer

__all__ = ["ragged_attention"]


def ragged_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor | None = None,
    dim_size: int | None = None,
    *,
    sizes: Sequence[int] | None = None,
    max_size: int | None = None,
    dropout: float = 0.0,
    zero_token: bool = False,
) -> Tensor:
    r"""Softmax attention of every node over the nodes of its own graph.

    .. math::
        y_i = \sum_{j:\, g(j) = g(i)} \mathrm{softmax}_j\Big(\langle q_i, k_j\rangle / \sqrt{D}\Big)\, v_j

    per head ("Attention Is All You Need", Vaswani et al. 2017, arXiv:1706.03762), by
    :func:`torch.nn.functional.scaled_dot_product_attention`. No score matrix leaves the kernel, nothing is
    padded to the largest graph, and no N x N mask exists. Three forms compute the same numbers:

    - *Buckets* (the usual one): graphs of a similar size, at most 7 nodes apart, share one call; beyond 128
      nodes only graphs of equal size do. What a graph is padded to depends on its own size alone. The sizes
      are needed on the host: **one host synchronisation** on an accelerator, none when ``sizes`` is given.
    - *Opaque* (chosen while ``torch.compile`` or ``torch.export`` trace): the same, as one custom operator
      ``gpool::ragged_attention``, which ``fullgraph=True`` accepts. The synchronisation remains, inside
      the operator, whether or not ``sizes`` is given; the backward computes the forward once more.
    - *Band* (chosen when ``max_size`` is given): N rows in chunks of ``max_size``, each attending over
      three chunks. All shapes follow from N: **no synchronisation**, and ``fullgraph=True`` compiles it;
      the work is 3 N ``max_size``, whatever the graphs' own sizes. A masked NaN is still NaN, so one in a
      graph can reach its neighbours.

    The attention kernels have no double backward. Dropout takes the kernels off their fast path on a CPU:
    there the scores of one bucket are materialised.

    Args:
        query, key, value: one row a node.
        index: graph of every node, in any order; ``None`` is one graph.
        dim_size: number of graphs B; read off ``index`` (a synchronisation) when missing.
        sizes: nodes of every graph, B integers on the host.
        max_size: an upper bound of the nodes of a graph. Rows of a graph that exceeds it are NaN, as that
            cannot be an error without a synchronisation.
        dropout: probability with which an attention weight is dropped; 0 in evaluation.
        zero_token: one further key and value of zeros in every graph, which lets a node attend to nothing.

    Shape:
        - query, key, value: [N, H, D]; index: [N]; output: [N, H, D].
        - An empty graph has no rows. The node of a one-node graph gets its own value.

    Raises:
        ValueError: for shapes that do not fit, when both ``sizes`` and ``max_size`` are given, and, on a CPU,
            for a graph out of range and for ``sizes`` that ``index`` disagrees with.

    Example:
        >>> x = torch.randn(5, 2, 4)
        >>> y = ragged_attention(x, x, x, torch.tensor([0, 1, 0, 1, 2]), dim_size=3)
        >>> y.shape, bool(torch.allclose(y[4], x[4]))
        (torch.Size([5, 2, 4]), True)
    """
    _check(query, key, value, index, sizes, max_size)
    if index is None:
        index = torch.zeros(query.size(0), dtype=torch.long, device=query.device)
        dim_size = 1
    if sizes is not None:
        dim_size = len(sizes)
    elif dim_size is None:
        dim_size = int(index.max()) + 1 if index.numel() > 0 else 0
    index = index.long()
    if values_checked(index):
        check_ids("index", index, dim_size, "graph")
    if max_size is not None:
        return band_attention(query, key, value, index, dim_size, max_size, dropout, zero_token)
    if torch.compiler.is_compiling():
        return opaque_attention(query, key, value, index, dim_size, dropout, zero_token)
    return bucket_attention(query, key, value, index, dim_size, sizes, dropout, zero_token)


def _check(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor | None,
    sizes: Sequence[int] | None,
    max_size: int | None,
) -> None:
    if query.dim() != 3 or not query.shape == key.shape == value.shape:
        shapes = f"query={list(query.shape)}, key={list(key.shape)}, value={list(value.shape)}"
        raise ValueError(f"{shapes}: all three must be [nodes, heads, channels of a head]")
    if index is not None and index.shape != query.shape[:1]:
        raise ValueError(
            f"index={list(index.shape)} must be [{query.size(0)}], one graph for each row of query"
        )
    if index is not None and not is_integer(index):
        raise ValueError(f"index of {index.dtype} must be of torch.int64")
    if sizes is not None and max_size is not None:
        raise ValueError("sizes and max_size are given: give one of them")
    if sizes is not None and sum(sizes) != query.size(0):
        raise ValueError(f"sizes add up to {sum(sizes)}, but query has {query.size(0)} rows")
    if max_size is not None and max_size < 1:
        raise ValueError(f"max_size={max_size} must be at least 1")
