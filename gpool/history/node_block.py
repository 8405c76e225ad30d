"""What happens to node states behind an attention: residual, layer normalization, feed-forward."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from gpool.ops.checks.arguments import check_count

__all__ = ["Block", "NodeBlock"]


@dataclass(frozen=True)
class Block:
    """The switches of a :class:`NodeBlock`; all off: it passes the attention on.

    Args:
        residual: the input of the attention is added to its output, that of the feed-forward part to its own.
        layer_norm: layer normalization behind each of both.
        feed_forward: width of the hidden layer of W_2 relu(W_1 z), in multiples of the channels; 0: none.
    """

    residual: bool = False
    layer_norm: bool = False
    feed_forward: int = 0

    def __post_init__(self) -> None:
        check_count("feed_forward", self.feed_forward)


class NodeBlock(nn.Module):
    r"""A transformer's block behind its attention, with the layer normalization last (post-norm).

    .. math:: r = \mathrm{LN}(z + h), \qquad y = \mathrm{LN}(r + W_2\,\mathrm{relu}(W_1 r + b_1) + b_2)

    Args:
        channels: width C.
        options: which parts there are.

    Shape:
        z, the output of the attention, and h, its input, or z None where there is none: [N, C] -> [N, C].
    """

    def __init__(self, channels: int, options: Block) -> None:
        super().__init__()
        self.channels, self.options = channels, options
        self.residual, hidden = options.residual, options.feed_forward * channels
        self.inner_norm = nn.LayerNorm(channels) if options.layer_norm else None
        self.inner = nn.Linear(channels, hidden) if hidden else None
        self.outer = nn.Linear(hidden, channels) if hidden else None
        self.outer_norm = nn.LayerNorm(channels) if hidden and options.layer_norm else None
        self.empty = not (options.residual or options.layer_norm or hidden)

    def reset_parameters(self) -> None:
        for part in (self.inner_norm, self.inner, self.outer, self.outer_norm):
            if part is not None:
                part.reset_parameters()

    def forward(self, z: Tensor | None, h: Tensor) -> Tensor:
        """The states behind the block; without an attention there is nothing that h would be added to."""
        r = h if z is None else z + h if self.residual else z
        r = r if self.inner_norm is None else self.inner_norm(r)
        if self.inner is None or self.outer is None:
            return r
        y = self.outer(self.inner(r).relu())
        y = r + y if self.residual else y
        return y if self.outer_norm is None else self.outer_norm(y)

    def extra_repr(self) -> str:
        return f"residual={self.residual}"
