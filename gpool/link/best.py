"""The best of many scored pairs, in bounded memory."""

from __future__ import annotations

import torch
from torch import Tensor

from gpool.link.ranking import check_scores

__all__ = ["Best"]


class Best:
    """Keeps the ``number`` best pairs of those that are added, by falling score.

    Equal scores keep the order in which they came. At most twice as many pairs as are asked for are held,
    and those of one call. ``None`` keeps all.

    Raises:
        ValueError: number < 1; scores that are NaN or infinite.

    >>> import torch
    >>> best = Best(2)
    >>> best.add(torch.tensor([0.1, 0.9]), torch.tensor([[0, 1], [0, 2]]))
    >>> best.add(torch.tensor([0.5, 0.9]), torch.tensor([[1, 2], [1, 3]]))
    >>> best.pairs.tolist()
    [[0, 2], [1, 3]]
    """

    def __init__(self, number: int | None) -> None:
        if number is not None and number < 1:
            raise ValueError(f"top={number} must be at least 1")
        self.number = number
        self._score: list[Tensor] = []
        self._pairs: list[Tensor] = []
        self._held = 0
        self._least: float | None = None

    def add(self, score: Tensor, pairs: Tensor) -> None:
        """Add scores [B] and their pairs [B, 2]."""
        check_scores(score)
        score = score.detach().cpu().double()
        if self._least is not None:
            better = score > self._least
            score, pairs = score[better], pairs[better.to(pairs.device)]
        self._score.append(score)
        self._pairs.append(pairs.cpu())
        self._held += score.numel()
        if self.number is not None and self._held >= 2 * self.number:  # not at every call
            self._keep()

    def _keep(self) -> None:
        """One block, in order, and no more than are asked for."""
        if not self._score:
            return
        score, order = torch.cat(self._score).sort(descending=True, stable=True)
        order = order[: self.number]
        self._score, self._pairs = [score[: self.number]], [torch.cat(self._pairs)[order]]
        self._held = order.numel()
        if self._held == self.number:
            self._least = float(self._score[0][-1])

    @property
    def scores(self) -> Tensor:
        """The scores, falling, in float64."""
        self._keep()
        return self._score[0] if self._score else torch.zeros(0, dtype=torch.double)

    @property
    def pairs(self) -> Tensor:
        """Their pairs, [., 2]."""
        self._keep()
        return self._pairs[0] if self._pairs else torch.zeros(0, 2, dtype=torch.long)
