"""The bootstrap over runs of different seeds."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gpool.bench.statistics.estimate import Estimate, constant, finite, resampled_t

__all__ = ["paired_bootstrap"]

FEWEST = 6  # runs; the resamples of fewer cannot reach a small p-value
EXACT = 8  # runs up to which every resample is counted
DRAWN = 20_000  # resamples of more runs
Weights = tuple[NDArray[np.float64], NDArray[np.float64]]


def paired_bootstrap(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Studentized bootstrap of "the mean is 0" (Efron and Tibshirani 1993, sections 12.5 and 16.4).

    Runs are resampled, and the size of the t statistic of every resample around the mean takes the place of
    Student's distribution. Every resample is counted up to 8 runs, 20,000 are drawn of more. A resample of
    one run alone has no spread; it counts as extreme. Fewer than 6 runs are tested by Student's t: their
    resamples are too few to reach a small p-value.

    Args:
        values: one per seed, such as the differences of two methods.
        confidence: of the interval.
    """
    d = finite(values)
    n = len(d)
    if n < FEWEST or constant(d):
        return resampled_t(d, 0.0, confidence)
    shares, weight = _resamples(n)
    mean, error = float(d.mean()), float(d.std(ddof=1) / np.sqrt(n))
    centered = d - mean
    means = shares @ centered
    spread = np.sqrt(np.maximum(shares @ centered**2 - means**2, 0) / (n - 1))
    flat = spread <= 1e-9 * error
    t = np.where(flat, np.inf, np.abs(means) / np.where(flat, 1.0, spread))
    p = float(weight[t >= abs(mean) / error * (1 - 1e-12)].sum())
    order = np.argsort(t)
    place = int(np.searchsorted(np.cumsum(weight[order]), confidence))
    half = float(t[order[min(place, len(t) - 1)]]) * error
    return Estimate(mean, mean - half, mean + half, min(p, 1.0), n, "paired bootstrap")


@lru_cache(maxsize=16)
def _resamples(n: int) -> Weights:
    """The share of each run in every resample, and the probability of that resample."""
    if n > EXACT:
        drawn = np.random.default_rng(0).multinomial(n, [1 / n] * n, size=DRAWN)
        return drawn / n, np.full(DRAWN, 1 / DRAWN)
    picks = list(combinations_with_replacement(range(n), n))
    counts = np.array([np.bincount(pick, minlength=n) for pick in picks])
    ways = [math.factorial(n) / math.prod(map(math.factorial, row)) for row in counts.tolist()]
    return counts / n, np.array(ways) / n**n
