"""A mean with its test and interval, corrected where training sets overlap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Estimate", "constant", "finite", "interval", "resampled_t", "standard_error"]


class Estimate(NamedTuple):
    """A mean of runs, its 95 % interval, the p-value of its being 0, and how it was found.

    ``p`` is NaN and the interval infinite where the runs say nothing of their spread.
    """

    mean: float
    low: float
    high: float
    p: float
    n: int
    method: str


def resampled_t(values: ArrayLike, ratio: float, confidence: float = 0.95) -> Estimate:
    r"""Corrected resampled t-test of "the mean is 0" (Nadeau and Bengio, Machine Learning 52, 2003).

    .. math:: t = \bar d \Big/ \sqrt{\left(\tfrac{1}{n} + \tfrac{n_{test}}{n_{train}}\right) s^2}

    with n - 1 degrees of freedom: folds share training data, so their plain standard error is too small.

    Args:
        values: one per fold, such as the differences of two methods.
        ratio: instances of the test part per instance of the training part, 1 / (k - 1) for k folds; 0 for
            independent values, which gives Student's t-test.
        confidence: of the interval.
    """
    from scipy.special import stdtr, stdtrit

    d = finite(values)
    name = "corrected resampled t-test" if ratio else "Student's t-test"
    if len(d) < 2:
        return Estimate(float(d.mean()) if len(d) else np.nan, -np.inf, np.inf, np.nan, len(d), name)
    mean = float(d.mean())
    if constant(d):
        return _unspread(mean, len(d), name)
    error = standard_error(d, ratio)
    half = stdtrit(len(d) - 1, (1 + confidence) / 2) * error
    p = 2 * stdtr(len(d) - 1, -abs(mean) / error)
    return Estimate(mean, mean - half, mean + half, float(p), len(d), name)


def interval(values: ArrayLike, ratio: float) -> tuple[float, float]:
    """The 95 % interval of a row's mean: corrected for overlapping folds, or by the bootstrap over seeds."""
    from gpool.bench.statistics.bootstrap import paired_bootstrap

    found = resampled_t(values, ratio) if ratio else paired_bootstrap(values)
    return found.low, found.high


def standard_error(values: NDArray[np.float64], ratio: float) -> float:
    """The standard error of the mean, corrected for overlapping training sets."""
    return float(values.std(ddof=1) * np.sqrt(1 / len(values) + ratio))


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The values as an array, without NaN and infinity."""
    found = np.asarray(values, dtype=np.float64).ravel()
    return found[np.isfinite(found)]


def constant(values: NDArray[np.float64]) -> bool:
    """Whether all values are the same but for rounding."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))


def _unspread(mean: float, n: int, name: str) -> Estimate:
    """Values without spread: equal where they are all 0; otherwise they do not say how far they vary."""
    if abs(mean) <= 1e-12:
        return Estimate(0.0, 0.0, 0.0, 1.0, n, name)
    return Estimate(mean, -np.inf, np.inf, np.nan, n, name)
