"""Multi-head self-attention inside every graph of a batch: the one attention of the package."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gpool.ops.attention._band import band_attention
from gpool.ops.attention._buckets import bucket_attention, compare_sizes
from gpool.ops.attention._operator import opaque_attention
from gpool.ops.checks.arguments import check_count, readable
from gpool.ops.segment import Segments, resolve, segment_count

__all__ = ["check_sizes", "compare_sizes", "ragged_attention"]


def ragged_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor | Segments | None = None,
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
      are needed on the host: **one host synchronization** on an accelerator, none when ``sizes`` is given.
    - *Opaque* (chosen while ``torch.compile`` or ``torch.export`` trace): the same, as one custom operator
      ``gpool::ragged_attention``, which ``fullgraph=True`` accepts. The synchronization remains, inside
      the operator, whether or not ``sizes`` is given; the backward computes the forward once more.
    - *Band* (chosen when ``max_size`` is given): N rows in tiles of ``max_size``, each attending over
      three tiles. All shapes follow from N: **no synchronization**, and ``fullgraph=True`` compiles it;
      the work is 3 N ``max_size``, whatever the graphs' own sizes. A masked NaN is still NaN, so one in a
      graph can reach its neighbors.

    Not built: on CUDA in half precision, torch >= 2.10 has ``torch.nn.attention.varlen.varlen_attn``, whose
    ``cu_seq_q`` is ``ptr``. There was no GPU to measure it on, so all forms run there as on a CPU.

    The attention kernels have no double backward. Dropout takes the kernels off their fast path on a CPU:
    there the scores of one bucket are materialized.

    Args:
        query, key, value: one row per node.
        index: graph of every node, in any order; ``None`` is one graph.
        dim_size: number of graphs B; read off ``index`` (a synchronization) when missing.
        sizes: nodes of every graph, B integers on the host.
        max_size: an upper bound of the nodes of a graph. A larger graph is an error on the CPU; where values
            are not checked, its rows are NaN, as an error would need a synchronization.
        dropout: probability with which an attention weight is dropped; 0 in evaluation.
        zero_token: one further key and value of zeros in every graph, which lets a node attend to nothing.

    Shape:
        - query, key, value: [N, H, D]; index: [N]; output: [N, H, D].
        - An empty graph has no rows. The node of a one-node graph gets its own value.

    Raises:
        ValueError: for shapes that do not fit, and when both ``sizes`` and ``max_size`` are given. On the CPU
            also for sizes that are not those of ``index``, and a ``max_size`` below the largest graph.
        TypeError, IndexError: for an index that does not hold integers, or not of ``dim_size`` graphs.

    Example:
        >>> x = torch.randn(5, 2, 4)
        >>> y = ragged_attention(x, x, x, torch.tensor([0, 1, 0, 1, 2]), dim_size=3)
        >>> y.shape, bool(torch.allclose(y[4], x[4]))
        (torch.Size([5, 2, 4]), True)
    """
    _check(query, key, value, index, max_size, dropout)
    if sizes is not None:
        if max_size is not None:
            raise ValueError("sizes and max_size are given: give one of them")
        check_sizes(sizes, query.size(0), dim_size)
        dim_size = len(sizes)
    bound = "dim_size" if sizes is None else "len(sizes)"
    segments = resolve(index, None, dim_size, query.size(0), query.device, bound)
    if max_size is not None:
        _check_largest(segments, max_size)
        return band_attention(query, key, value, *segments[:2], max_size, dropout, zero_token)
    if torch.compiler.is_compiling():
        return opaque_attention(query, key, value, *segments[:2], dropout, zero_token)
    return bucket_attention(query, key, value, *segments[:2], sizes, dropout, zero_token)


def check_sizes(sizes: Sequence[int], nodes: int, dim_size: int | None) -> None:
    """Refuses sizes that do not add up to the nodes, or are not those of ``dim_size`` graphs."""
    for size in sizes:
        check_count("an entry of sizes", size)
    if sum(sizes) != nodes:
        raise ValueError(f"sizes add up to {sum(sizes)}, but query has {nodes} rows")
    if dim_size is not None and dim_size != len(sizes):
        raise ValueError(f"dim_size={dim_size}, but sizes lists {len(sizes)} graphs")


def _check_largest(segments: Segments, max_size: int) -> None:
    if readable(segments.segment) and segments.size > 0:
        largest = int(segment_count(segments).max())
        if largest > max_size:
            raise ValueError(
                f"max_size={max_size} (max_nodes of a layer) is below the {largest} nodes of a graph"
            )


def _check(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: Tensor | Segments | None,
    max_size: int | None,
    dropout: float,
) -> None:
    if query.dim() != 3 or not query.shape == key.shape == value.shape:
        shapes = f"query={list(query.shape)}, key={list(key.shape)}, value={list(value.shape)}"
        raise ValueError(f"{shapes}: all three must be [nodes, heads, channels of a head]")
    if not query.is_floating_point() or not query.dtype == key.dtype == value.dtype:
        types = f"query is {query.dtype}, key {key.dtype}, value {value.dtype}"
        raise TypeError(f"{types}; they must be of one floating point type")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout={dropout} must lie in [0, 1)")
    if isinstance(index, Tensor) and index.shape != query.shape[:1]:
        raise ValueError(
            f"index={list(index.shape)} must be [{query.size(0)}], one graph for each row of query"
        )
    if max_size is not None and max_size < 1:
        raise ValueError(f"max_size={max_size} must be at least 1")
