"""Self-attention over the nodes of each graph, with its parameters."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from gpool.ops.attention import ragged_attention
from gpool.ops.checks.arguments import check_dropout, check_heads, check_positive, check_type
from gpool.ops.segment import Segments

__all__ = ["NodeAttention"]


class NodeAttention(nn.Module):
    r"""Multi-head self-attention of the nodes of each graph, never padded to the largest.

    .. math::
        Z = W_O\,\mathrm{concat}_h\,\mathrm{softmax}\big(Q_h K_h^\top / \sqrt{C / H}\big) V_h + b_O,
        \qquad [Q; K; V] = W_I H + b_I

    "Attention Is All You Need" (Vaswani et al. 2017, arXiv:1706.03762); the layout and initialization of the
    parameters are those of :class:`torch.nn.MultiheadAttention`. How it is computed, and what that needs of
    the host: :func:`gpool.ops.attention.ragged_attention`.

    Args:
        channels: width C of the input and of the output.
        heads: number of heads H, which must divide C.
        dropout: probability with which an attention weight is dropped in training.
        zero_token: one further key and value of zeros in every graph.
        max_nodes: an upper bound of the nodes of a graph; selects the form without host synchronization.

    Shape:
        - x: [N, C]; index: [N], in any order; output: [N, C].
        - An empty graph has no rows; a one-node graph attends to itself: W_O (W_V h + b_V) + b_O.

    Raises:
        ValueError: if ``heads`` does not divide ``channels``, or ``dropout`` is not in [0, 1).

    Example:
        >>> import torch
        >>> attention = NodeAttention(8, heads=2)
        >>> attention(torch.randn(5, 8), torch.tensor([0, 0, 1, 1, 1]), dim_size=2).shape
        torch.Size([5, 8])
    """

    def __init__(
        self,
        channels: int,
        *,
        heads: int = 1,
        dropout: float = 0.0,
        zero_token: bool = False,
        max_nodes: int | None = None,
    ) -> None:
        super().__init__()
        check_heads(channels, heads)
        check_dropout(dropout)
        if max_nodes is not None:
            check_positive(max_nodes=max_nodes)
        self.channels, self.heads, self.dropout = channels, heads, dropout
        self.zero_token, self.max_nodes = zero_token, max_nodes
        self.in_proj = nn.Linear(channels, 3 * channels)
        self.out_proj = nn.Linear(channels, channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        nn.init.xavier_uniform_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)
        self.out_proj.reset_parameters()
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        x: Tensor,
        index: Tensor | Segments,
        dim_size: int | None = None,
        sizes: Sequence[int] | None = None,
    ) -> Tensor:
        """Every node's attention over the nodes of its graph: [N, C] -> [N, C]."""
        return self.out_proj(self.read(x, index, dim_size, sizes))

    def read(
        self,
        x: Tensor,
        index: Tensor | Segments,
        dim_size: int | None = None,
        sizes: Sequence[int] | None = None,
    ) -> Tensor:
        """Attention output before W_O: [N, C] -> [N, C]."""
        if x.dim() != 2 or x.size(1) != self.channels:
            raise ValueError(f"x of shape {tuple(x.shape)} must be [N, {self.channels}]")
        check_type("x", x, self.in_proj.weight)
        q, k, v = (
            self.in_proj(x).view(x.size(0), 3, self.heads, self.channels // self.heads).unbind(1)
        )  # [N, H, D] each
        y = ragged_attention(
            q,
            k,
            v,
            index,
            dim_size,
            sizes=sizes,
            max_size=self.max_nodes if sizes is None else None,
            dropout=self.dropout if self.training else 0.0,
            zero_token=self.zero_token,
        )
        return y.flatten(1)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, dropout={self.dropout}, zero_token={self.zero_token}"
