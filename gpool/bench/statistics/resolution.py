"""The smallest difference that a design can resolve."""

from __future__ import annotations

from functools import lru_cache

from numpy.typing import ArrayLike

from gpool.bench.statistics.estimate import constant, finite, standard_error

__all__ = ["smallest_difference"]


def smallest_difference(
    differences: ArrayLike, ratio: float, pairs: int = 1, rope: float = 0.0, power: float = 0.8
) -> float:
    """The smallest true difference that a design finds in 80 of 100 repetitions; NaN where unknown.

    The power of a two-sided t-test at 0.05 / ``pairs``, the first and hardest step of Holm, with the observed
    variance; a difference is found where it exceeds the region of practical equivalence, whose half width is
    therefore added.

    Args:
        differences: one per fold or seed, of a typical pair.
        ratio: of test to training instances; 0 for independent seeds.
        pairs: how many comparisons the table makes.
        rope: half width of the region of practical equivalence.
        power: probability that the difference is found.
    """
    d = finite(differences)
    if len(d) < 2 or constant(d):
        return float("nan")
    return rope + standard_error(d, ratio) * _noncentrality(len(d) - 1, 0.05 / pairs, power)


@lru_cache(maxsize=256)
def _noncentrality(freedom: int, alpha: float, power: float) -> float:
    """The shift, in standard errors, that a two-sided t-test finds with this power."""
    from scipy.optimize import brentq
    from scipy.special import nctdtr, stdtrit

    edge = float(stdtrit(freedom, 1 - alpha / 2))

    def short(shift: float) -> float:
        return 1 - float(nctdtr(freedom, shift, edge)) - power  # the other side's share is negligible

    return float(brentq(short, 0.0, 4 * edge + 10))
