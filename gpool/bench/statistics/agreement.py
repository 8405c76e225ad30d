"""Two methods compared on the predictions of one test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["mcnemar", "mcnemar_over_seeds"]


def mcnemar(right: ArrayLike, other: ArrayLike) -> float:
    """The p-value of McNemar's exact test (Psychometrika 12, 1947) that both are right equally often.

    Args:
        right: whether the one method is right, per instance.
        other: whether the other is, for the same instances in the same order.

    Raises:
        ValueError: the two have not the same number of instances.
    """
    from statsmodels.stats.contingency_tables import mcnemar as exact

    one, two = np.asarray(right, dtype=bool), np.asarray(other, dtype=bool)
    if one.shape != two.shape or one.ndim != 1:
        raise ValueError(f"right and other must be of one length; got {one.shape} and {two.shape}")
    table = [[(one & two).sum(), (one & ~two).sum()], [(~one & two).sum(), (~one & ~two).sum()]]
    return float(exact(table, exact=True).pvalue)


def mcnemar_over_seeds(p_values: Sequence[float]) -> float:
    """One p-value for several seeds on one test set: twice the median (Rüger 1978).

    It holds under any dependence; the seeds share the test set, so their tests are not independent.
    """
    if not p_values:
        return float("nan")
    ordered = sorted(p_values)
    return min(1.0, 2 * ordered[len(ordered) // 2]) if len(ordered) > 1 else ordered[0]
