"""How often the verdicts are wrong: simulated tables with the correlation that cross-validation has."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gpool.bench.statistics import compare, holm, smallest_difference, word

TABLES, FOLDS, GRAPHS, FEATURES = 1000, 10, 120, 6
RATIO = 1 / (FOLDS - 1)


def cross_validated(rng: np.random.Generator) -> NDArray[np.float64]:
    """The accuracies of three nearest-mean classifiers on the folds of one small data set, [rows, folds].

    Each sees its own features, all of the same distribution: in truth they are equally good.
    """
    labels = np.arange(GRAPHS) % 2
    x = rng.normal(size=(3, GRAPHS, FEATURES)) + 0.35 * (2 * labels - 1)[:, None]
    fold = rng.permutation(GRAPHS) % FOLDS
    found = np.empty((3, FOLDS))
    for k in range(FOLDS):
        train, test = fold != k, fold == k
        means = [x[:, train & (labels == label)].mean(axis=1, keepdims=True) for label in (0, 1)]
        near = [((x[:, test] - mean) ** 2).sum(axis=2) for mean in means]
        found[:, k] = ((near[0] > near[1]) == labels[test]).mean(axis=1)
    return found


def different(table: NDArray[np.float64]) -> list[bool]:
    """Whether the test, after Holm, calls the rows of each pair different."""
    pairs = combinations(table, 2)
    return [p <= 0.05 for p in holm([compare(a - b, RATIO, 0.0).estimate.p for a, b in pairs])]


def test_identical_methods_are_seldom_called_different_and_a_planted_difference_is_found() -> None:
    rng = np.random.default_rng(0)
    tables = [cross_validated(rng) for _ in range(TABLES)]
    correlation = np.corrcoef(np.array([t[0, :2] - t[1, :2] for t in tables]).T)[0, 1]
    false = np.mean([any(different(table)) for table in tables])
    assert false <= 0.05, f"{false:.1%} of tables, correlation {correlation:.2f}"
    rope = 0.01
    printed = [smallest_difference(t[0] - t[1], RATIO, pairs=3, rope=rope) for t in tables]
    planted = 1.5 * float(np.nanmean(printed))
    found = []
    for table in tables:
        table[0] += planted
        compared = [compare(a - b, RATIO, rope) for a, b in combinations(table, 2)]
        p = holm([each.estimate.p for each in compared])
        found.append(word(float(p[0]), compared[0].posterior) == "better")
    assert np.mean(found) >= 0.7, f"{np.mean(found):.1%}"


def test_the_test_is_exact_where_folds_have_the_assumed_correlation() -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(4000, 1)) * np.sqrt(1 / FOLDS)
    folds = shared + rng.normal(size=(4000, FOLDS)) * np.sqrt(1 - 1 / FOLDS)
    corrected = np.mean([compare(d, RATIO, 0.0).estimate.p <= 0.05 for d in folds])
    plain = np.mean([compare(d[:5] - d[5:], 0.0, 0.0).estimate.p <= 0.05 for d in folds])
    assert 0.04 <= corrected <= 0.06
    assert 0.04 <= plain <= 0.06  # independent pairs of five
    uncorrected = np.mean([compare(d, 1e-12, 0.0).estimate.p <= 0.05 for d in folds])
    assert uncorrected > 0.1  # what the correction is for


def test_equal_methods_are_seldom_called_different_over_seeds() -> None:
    rng = np.random.default_rng(2)
    for seeds in (3, 6, 12):
        p = [compare(d, 0.0, 0.0).estimate.p for d in rng.normal(size=(1000, seeds))]
        assert np.mean(np.array(p) <= 0.05) <= 0.062  # two standard errors of 1,000 tables
    d = rng.normal(size=(1000, 12))
    planted = 1.5 * float(np.mean([smallest_difference(row, 0.0) for row in d[:50]]))
    assert np.mean([compare(row + planted, 0.0, 0.0).estimate.p <= 0.05 for row in d]) >= 0.7
