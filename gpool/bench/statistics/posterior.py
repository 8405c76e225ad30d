"""The Bayesian correlated t-test with a region of practical equivalence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gpool.bench.statistics.estimate import constant, finite, standard_error

__all__ = ["Posterior", "correlated_posterior"]


class Posterior(NamedTuple):
    """Probabilities that the true difference is below, inside and above the region; NaN where unknown."""

    worse: float
    equal: float
    better: float


def correlated_posterior(differences: ArrayLike, ratio: float, rope: float) -> Posterior:
    """Bayesian correlated t-test (Corani and Benavoli, Machine Learning 100, 2015).

    The posterior of the mean difference is Student's t with n - 1 degrees of freedom around the observed
    mean, of the corrected standard error of :func:`resampled_t`.

    Args:
        differences: one per fold or seed.
        ratio: of test to training instances; 0 for independent seeds.
        rope: half width of the region of practical equivalence, in the unit of the differences.

    Raises:
        ValueError: ``rope`` is negative or no number.
    """
    from scipy.special import stdtr

    if not rope >= 0 or np.isinf(rope):
        raise ValueError(f"rope={rope} must be a number from 0 on")
    d = finite(differences)
    if len(d) < 2 or (constant(d) and abs(d.mean()) > 1e-12):
        return Posterior(np.nan, np.nan, np.nan)
    if constant(d):
        return Posterior(0.0, 1.0, 0.0)
    error = standard_error(d, ratio)
    low, high = stdtr(len(d) - 1, (np.array([-rope, rope]) - d.mean()) / error)
    return Posterior(float(low), float(high - low), float(1 - high))
