"""From the name of a metric: whether it is a share, and whether small is good."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

__all__ = ["Metric", "better", "is_share", "metric_of", "own_metric"]

SHARE = re.compile(r"(ogb-)?(acc|accuracy|auc|auroc|rocauc|ap|f1|precision|recall|mrr|hits@\d+)")
ERROR = re.compile(r"loss|mse|rmse|mae|mape")

OWN = ("test/auroc", "test/auc", "test/acc", "test/rmse")  # of binary labels, links, classes, numbers


Metric = str | Mapping[str, str] | None  # for all data sets, by data set, or each its own


def metric_of(data: str, wanted: Metric, measured: Iterable[str]) -> str | None:
    """The metric that a data set is reported by, of those ``measured`` on it where nobody wants one."""
    named = wanted.get(data) if isinstance(wanted, Mapping) else wanted
    return named or own_metric(measured)


def own_metric(known: Iterable[str]) -> str | None:
    """The metric that a data set is reported by where nobody names one; None where nothing is measured.

    Args:
        known: the names of what is measured on it.
    """
    names = list(known)
    of_test = [name for name in names if name.startswith("test/") and name != "test/loss"]
    return next((name for name in (*OWN, *of_test, *names) if name in names), None)


def last_part(metric: str) -> str:
    """The name without the part of the data that it was measured on."""
    return metric.rsplit("/", 1)[-1]


def is_share(metric: str) -> bool:
    """Whether the metric lies between 0 and 1, and is printed in percent."""
    return SHARE.fullmatch(last_part(metric)) is not None


def better(metric: str, monitor: str | None = None, mode: str | None = None) -> Literal["min", "max"] | None:
    """Whether small or large values are good; None where the name does not say.

    Args:
        metric: such as ``"test/acc"``.
        monitor: the metric that an epoch was selected by; it settles the case of its own name.
        mode: ``"min"`` or ``"max"``: which epoch was selected by ``monitor``.
    """
    if monitor is not None and last_part(monitor) == last_part(metric) and mode in ("min", "max"):
        return "min" if mode == "min" else "max"
    if is_share(metric):
        return "max"
    return "min" if ERROR.fullmatch(last_part(metric)) else None
