"""Rows compared over several data sets by their ranks."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gpool.bench.statistics.verdict import holm

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ranked", "critical_difference", "ranked"]


class Ranked(NamedTuple):
    """Mean ranks (1 is best), Friedman's test, and p-values of all pairs of rows."""

    ranks: pd.Series
    statistic: float
    p: float
    difference: float
    nemenyi: pd.DataFrame
    wilcoxon: pd.DataFrame


def ranked(scores: pd.DataFrame) -> Ranked:
    """Friedman's test with Nemenyi's and with Wilcoxon's signed ranks, Holm-adjusted (Demšar, JMLR 7, 2006).

    Args:
        scores: a line for each data set, a column for each row of the table; large is good.

    Raises:
        ValueError: fewer than 3 rows or 2 data sets, or a score is missing.
    """
    from scikit_posthocs import posthoc_nemenyi_friedman
    from scipy.stats import friedmanchisquare

    if scores.shape[1] < 3 or scores.shape[0] < 2 or scores.isna().to_numpy().any():
        raise ValueError(f"scores of shape {scores.shape} must be whole, of 3 rows and 2 data sets at least")
    ranks = scores.rank(axis=1, ascending=False).mean().sort_values()
    statistic, p = friedmanchisquare(*(scores[name] for name in scores))
    nemenyi = posthoc_nemenyi_friedman(scores.to_numpy())
    nemenyi.index = nemenyi.columns = scores.columns
    gap = critical_difference(scores.shape[1], scores.shape[0])
    return Ranked(ranks, float(statistic), float(p), gap, nemenyi, _wilcoxon(scores))


def critical_difference(rows: int, sets: int) -> float:
    r"""Nemenyi's critical difference of mean ranks at 5 %: :math:`q \sqrt{k (k + 1) / 6 N}`.

    ``q`` is the quantile of the studentized range, divided by the square root of 2.
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(0.95, rows, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(rows * (rows + 1) / (6 * sets)))


def _wilcoxon(scores: pd.DataFrame) -> pd.DataFrame:
    """Holm-adjusted p-values of Wilcoxon's signed-rank test for all pairs."""
    import pandas as pd
    from scipy.stats import wilcoxon

    pairs = list(combinations(scores.columns, 2))
    same = [np.allclose(scores[a], scores[b], rtol=0, atol=1e-12) for a, b in pairs]
    found = [
        1.0 if equal else float(wilcoxon(scores[a], scores[b]).pvalue)
        for (a, b), equal in zip(pairs, same, strict=True)
    ]
    table = pd.DataFrame(1.0, index=scores.columns, columns=scores.columns)
    for (a, b), p in zip(pairs, holm(found), strict=True):
        table.loc[a, b] = table.loc[b, a] = p
    return table
