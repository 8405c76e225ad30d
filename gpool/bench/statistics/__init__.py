"""Statistics of paired results: pure functions on arrays.

Everything that turns numbers into a test, an interval or a word belongs here; reading runs and writing tables
does not. The doors: :func:`compare` for two rows on one data set, :func:`interval` for one row,
:func:`smallest_difference` for a design, :func:`ranked` for rows over data sets.
"""

from gpool.bench.statistics.agreement import mcnemar
from gpool.bench.statistics.bootstrap import paired_bootstrap
from gpool.bench.statistics.estimate import Estimate, interval, resampled_t
from gpool.bench.statistics.posterior import Posterior, correlated_posterior
from gpool.bench.statistics.ranks import Ranked, critical_difference, ranked
from gpool.bench.statistics.resolution import smallest_difference
from gpool.bench.statistics.verdict import Compared, Word, compare, holm, tied_with_best, word

__all__ = [
    "Compared",
    "Estimate",
    "Posterior",
    "Ranked",
    "Word",
    "compare",
    "correlated_posterior",
    "critical_difference",
    "holm",
    "interval",
    "mcnemar",
    "paired_bootstrap",
    "ranked",
    "resampled_t",
    "smallest_difference",
    "tied_with_best",
    "word",
]
