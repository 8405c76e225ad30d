"""Values of the statistics against scipy, statsmodels, baycomp, enumeration and a published example."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from gpool.bench.statistics import (
    Posterior,
    compare,
    correlated_posterior,
    critical_difference,
    holm,
    interval,
    mcnemar,
    paired_bootstrap,
    ranked,
    resampled_t,
    smallest_difference,
    tied_with_best,
    word,
)
from gpool.bench.statistics.agreement import mcnemar_over_seeds

X = np.array([0.71, 0.69, 0.80, 0.75, 0.77, 0.66, 0.73, 0.70, 0.79, 0.74])
Y = np.array([0.73, 0.70, 0.79, 0.79, 0.80, 0.70, 0.72, 0.75, 0.81, 0.78])


def test_independent_runs_give_student_s_test() -> None:
    found, theirs = resampled_t(Y - X, 0.0), scipy.stats.ttest_rel(Y, X)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-10)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)), rel=1e-10)


# CorrelatedTTest(X, Y, rope).probs() of baycomp 1.0.3, as numbers: its wheel brings a package "tests" along
@pytest.mark.parametrize(
    ("rope", "theirs"),
    [
        (0.01, (0.003920650202458143, 0.10256175271690926, 0.8935175970806326)),
        (0.03, (0.00019898440888760027, 0.7554162616729636, 0.24438475391814884)),
    ],
)
def test_folds_give_the_correlated_test_of_baycomp(rope: float, theirs: tuple[float, ...]) -> None:
    assert correlated_posterior(Y - X, 1 / 9, rope) == pytest.approx(theirs, rel=1e-10)
    assert resampled_t(Y - X, 1 / 9).p == pytest.approx(2 * 0.020903364222886522, rel=1e-9)  # of no rope


def test_the_interval_of_folds_is_wider_by_the_correction() -> None:
    low, high = interval(X, 1 / 9)
    plain = scipy.stats.t.interval(0.95, 9, X.mean(), scipy.stats.sem(X))
    assert (high - low) / (plain[1] - plain[0]) == pytest.approx(np.sqrt((1 / 10 + 1 / 9) / (1 / 10)))


def test_the_bootstrap_counts_every_resample() -> None:
    d = np.array([0.3, -0.1, 0.4, 0.25, 0.7, 0.05])
    t = scipy.stats.ttest_1samp(d, 0).statistic
    drawn = np.array(list(product(d, repeat=6)))
    spread = drawn.std(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = np.abs((drawn.mean(axis=1) - d.mean()) / spread * np.sqrt(6))
    expected = ((theirs >= abs(t) - 1e-9) | (spread < 1e-12)).mean()
    assert paired_bootstrap(d).p == pytest.approx(expected, rel=1e-9)


def test_the_interval_of_the_bootstrap_agrees_with_its_test() -> None:
    values = np.random.default_rng(3).normal(0.5, 1.0, 30)
    found = paired_bootstrap(values)
    assert paired_bootstrap(values - found.low).p == pytest.approx(0.05, abs=1e-3)
    assert found.low < found.mean < found.high
    theirs = scipy.stats.bootstrap((values,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    assert found[1:3] == pytest.approx((theirs.low, theirs.high), abs=0.1)


def test_few_seeds_are_tested_by_student_s_t() -> None:
    found = paired_bootstrap([0.1, 0.2, 0.15])
    assert found.method == "Student's t-test"
    assert found.p == pytest.approx(scipy.stats.ttest_1samp([0.1, 0.2, 0.15], 0).pvalue)


def test_mcnemar_is_the_binomial_test_of_the_discordant_instances() -> None:
    right = np.array([True] * 30 + [False] * 4 + [True] * 12)
    other = np.array([True] * 30 + [True] * 4 + [False] * 12)
    assert mcnemar(right, other) == pytest.approx(scipy.stats.binomtest(4, 16).pvalue)
    assert mcnemar(right, right) == 1.0
    assert mcnemar_over_seeds([0.01, 0.03, 0.2]) == pytest.approx(0.06)
    assert mcnemar_over_seeds([0.04]) == 0.04
    with pytest.raises(ValueError, match="must be of one length"):
        mcnemar(right, other[1:])


def test_holm_is_that_of_statsmodels() -> None:
    p = np.random.default_rng(4).random(12) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert holm([]).size == 0
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert np.isnan(holm([0.01, np.nan])[1])
    assert holm([0.01, np.nan])[0] == pytest.approx(0.02)


def test_the_power_is_that_of_statsmodels() -> None:
    d = Y - X
    theirs = TTestPower().solve_power(nobs=10, alpha=0.05, power=0.8) * d.std(ddof=1)
    assert smallest_difference(d, 0.0) == pytest.approx(theirs, rel=1e-4)
    wider = np.sqrt((1 / 10 + 1 / 9) / (1 / 10))
    assert smallest_difference(d, 1 / 9, rope=0.01) == pytest.approx(0.01 + theirs * wider, rel=1e-4)
    assert smallest_difference(d, 0.0, pairs=10) > 1.3 * theirs


def test_ranks_over_data_sets() -> None:
    scores = pd.DataFrame(
        np.random.default_rng(5).normal([0, 0, 0.5, 1.5], size=(14, 4)), columns=list("abcd")
    )
    found = ranked(scores)
    theirs = scipy.stats.friedmanchisquare(*scores.to_numpy().T)
    assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    mean = scipy.stats.rankdata(-scores.to_numpy(), axis=1).mean(axis=0)
    assert found.ranks.to_dict() == pytest.approx(dict(zip("abcd", mean, strict=True)))
    assert found.ranks.index[0] == "d"  # large scores, small ranks
    gap = abs(found.ranks["a"] - found.ranks["d"]) / np.sqrt(4 * 5 / (6 * 14))
    p = scipy.stats.studentized_range.sf(gap * np.sqrt(2), 4, np.inf)
    assert found.nemenyi.loc["a", "d"] == pytest.approx(p, rel=1e-3)
    assert (found.nemenyi.loc["a", "d"] <= 0.05) == (gap * np.sqrt(4 * 5 / (6 * 14)) >= found.difference)
    pairs = [(a, b) for k, a in enumerate("abcd") for b in "abcd"[k + 1 :]]
    plain = [scipy.stats.wilcoxon(scores[a], scores[b]).pvalue for a, b in pairs]
    assert [found.wilcoxon.loc[a, b] for a, b in pairs] == pytest.approx(holm(plain).tolist())
    with pytest.raises(ValueError, match=r"scores of shape \(14, 2\)"):
        ranked(scores.iloc[:, :2])


def test_nemenyi_s_difference_is_the_published_quantile() -> None:
    # Demšar's table 5: q at 5 % is 2.343 for 3 classifiers and 3.164 for 10
    assert critical_difference(3, 2) == pytest.approx(2.343, abs=2e-3)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)  # his example of 14 data sets
    assert critical_difference(10, 110) / np.sqrt(1 / 6) == pytest.approx(3.164, abs=2e-3)


def test_words() -> None:
    assert word(0.01, Posterior(0.0, 0.01, 0.99)) == "better"
    assert word(0.01, Posterior(0.99, 0.01, 0.0)) == "worse"
    assert word(0.20, Posterior(0.0, 0.01, 0.99)) == "inconclusive"  # not after Holm
    assert word(0.01, Posterior(0.0, 0.50, 0.50)) == "inconclusive"  # there, but perhaps too small to matter
    assert word(0.01, Posterior(0.0, 0.97, 0.03)) == "practically equal"
    assert word(np.nan, Posterior(np.nan, np.nan, np.nan)) == "inconclusive"
    assert tied_with_best("a", {"b": 0.06, "c": 0.04, "d": np.nan}) == {"a", "b", "d"}


def test_runs_without_spread_claim_nothing() -> None:
    same, shifted = compare([0.0] * 5, 0.0, 0.01), compare([0.1] * 5, 1 / 9, 0.01)
    assert word(same.estimate.p, same.posterior) == "practically equal"
    assert word(shifted.estimate.p, shifted.posterior) == "inconclusive"
    assert np.isnan(shifted.estimate.p)
    assert word(np.nan, compare([0.1], 0.0, 0.0).posterior) == "inconclusive"
    assert np.isnan(smallest_difference([0.1], 0.0))


@pytest.mark.parametrize("rope", [-1.0, np.nan, np.inf])
def test_a_region_that_is_none_is_refused(rope: float) -> None:
    with pytest.raises(ValueError, match=r"rope=.* must be a number from 0 on"):
        correlated_posterior([0.1, 0.2], 0.0, rope)
