"""The feed-forward part behind an attention over nodes."""

from __future__ import annotations

from torch import Tensor, nn

from gpool.ops.checks.arguments import check_positive

__all__ = ["FeedForward"]


class FeedForward(nn.Module):
    r"""Two linear maps of every node with a relu between them.

    .. math:: y = \mathrm{LN}(r + W_2\,\mathrm{relu}(W_1 r + b_1) + b_2)

    Args:
        channels: width C.
        factor: width of the hidden layer, in multiples of the channels.
        residual: whether r is added.
        layer_norm: whether LN is applied, last as in a transformer with post-norm.

    Shape:
        - r: [N, C]; output: [N, C].
    """

    def __init__(
        self, channels: int, *, factor: int, residual: bool = False, layer_norm: bool = False
    ) -> None:
        super().__init__()
        check_positive(channels=channels, factor=factor)
        self.channels, self.factor, self.residual, self.layer_norm = channels, factor, residual, layer_norm
        self.inner = nn.Linear(channels, factor * channels)
        self.outer = nn.Linear(factor * channels, channels)
        self.norm = nn.LayerNorm(channels) if layer_norm else None

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for part in (self.inner, self.outer, self.norm):
            if part is not None:
                part.reset_parameters()

    def forward(self, r: Tensor) -> Tensor:
        """The states behind the feed-forward part."""
        y = self.outer(self.inner(r).relu())
        y = r + y if self.residual else y
        return y if self.norm is None else self.norm(y)

    def extra_repr(self) -> str:
        return f"residual={self.residual}"
