"""Two rows compared on matched runs, and the word for what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gpool.bench.statistics.bootstrap import paired_bootstrap
from gpool.bench.statistics.estimate import Estimate, finite, resampled_t
from gpool.bench.statistics.posterior import Posterior, correlated_posterior

__all__ = ["Compared", "Word", "compare", "holm", "tied_with_best", "word"]

Word = Literal["better", "practically equal", "worse", "inconclusive"]
SURE = 0.95


class Compared(NamedTuple):
    """The difference of two rows with its test, and the probabilities around the region of equivalence."""

    estimate: Estimate
    posterior: Posterior


def compare(differences: ArrayLike, ratio: float, rope: float) -> Compared:
    """Test matched differences: corrected for overlapping folds, by the paired bootstrap for seeds.

    Args:
        differences: of matched runs, positive where the first row is better.
        ratio: of test to training instances; 0 for independent seeds.
        rope: half width of the region of practical equivalence.
    """
    d = finite(differences)
    estimate = resampled_t(d, ratio) if ratio else paired_bootstrap(d)
    return Compared(estimate, correlated_posterior(d, ratio, rope))


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """P-values adjusted for their number by Holm's step-down method; NaN, no test, counts and stays.

    The same numbers as statsmodels' ``multipletests``, which collects garbage on every call.
    """
    p = np.asarray(p_values, dtype=np.float64)
    known = np.nan_to_num(p, nan=1.0)
    order = np.argsort(known)
    adjusted = np.empty_like(known)
    adjusted[order] = np.minimum(np.maximum.accumulate(known[order] * np.arange(len(p), 0, -1)), 1.0)
    return np.where(np.isnan(p), np.nan, adjusted)


def word(p: float, posterior: Posterior) -> Word:
    """What two rows are to each other.

    ``practically equal``: the difference is inside the region with a probability of 95 %. ``better`` and
    ``worse``: it is outside with a probability of 95 %, and the test, adjusted for all pairs, finds it at
    5 %. ``inconclusive`` is all else.

    Args:
        p: the adjusted p-value.
        posterior: the probabilities around the region.
    """
    if posterior.equal >= SURE:
        return "practically equal"
    if p <= 0.05 and posterior.better >= SURE:
        return "better"
    if p <= 0.05 and posterior.worse >= SURE:
        return "worse"
    return "inconclusive"


def tied_with_best(best: str, p_with_best: Mapping[str, float]) -> set[str]:
    """The best row and all rows that the test cannot tell from it.

    Args:
        best: the row of the best mean.
        p_with_best: the adjusted p-value of every other row's difference from it; NaN where there is none.
    """
    return {best} | {row for row, p in p_with_best.items() if not p <= 0.05}
